// Four float32 numbers at a time. Internal to upsample_labels.h.
//
// Intrinsics on 64-bit ARM, the compiler's own vectors elsewhere, and plain loops for a compiler that has none (or with
// MOBILESEG_PLAIN_LOOPS). Sums of products may be rounded once or twice, so that nothing may rest on their last bits.

#ifndef MOBILESEG_DETAIL_FOUR_H_
#define MOBILESEG_DETAIL_FOUR_H_

#include <cstdint>
#include <cstring>
#include <limits>

#include "logits.h"

#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(MOBILESEG_PLAIN_LOOPS)
#include <arm_neon.h>
#endif

namespace mobileseg {
namespace detail {

#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(MOBILESEG_PLAIN_LOOPS)

using Four = float32x4_t;
using FourInts = int32x4_t;

MOBILESEG_ALWAYS_INLINE Four LoadFour(const float* from) { return vld1q_f32(from); }
MOBILESEG_ALWAYS_INLINE FourInts LoadFour(const std::int32_t* from) { return vld1q_s32(from); }
MOBILESEG_ALWAYS_INLINE Four LoadPairs(const float* a, const float* b) {
  return vcombine_f32(vld1_f32(a), vld1_f32(b));
}
MOBILESEG_ALWAYS_INLINE void StoreFour(Four four, float* to) { vst1q_f32(to, four); }
MOBILESEG_ALWAYS_INLINE void StoreFour(FourInts four, std::int32_t* to) { vst1q_s32(to, four); }
MOBILESEG_ALWAYS_INLINE Four AllFour(float value) { return vdupq_n_f32(value); }
MOBILESEG_ALWAYS_INLINE FourInts AllFour(std::int32_t value) { return vdupq_n_s32(value); }
MOBILESEG_ALWAYS_INLINE Four Lower(Four a, Four b) { return vminq_f32(a, b); }
MOBILESEG_ALWAYS_INLINE Four Higher(Four a, Four b) { return vmaxq_f32(a, b); }
MOBILESEG_ALWAYS_INLINE Four MulAdd(Four addend, Four a, Four b) { return vfmaq_f32(addend, a, b); }
MOBILESEG_ALWAYS_INLINE Four Magnitude(Four a) { return vabsq_f32(a); }
// -1 where a > b, elsewhere 0.
MOBILESEG_ALWAYS_INLINE FourInts IsHigher(Four a, Four b) { return vreinterpretq_s32_u32(vcgtq_f32(a, b)); }
MOBILESEG_ALWAYS_INLINE bool AnyOf(FourInts a) { return vmaxvq_u32(vreinterpretq_u32_s32(a)) != 0; }
MOBILESEG_ALWAYS_INLINE FourInts IsNan(Four a) { return vreinterpretq_s32_u32(vmvnq_u32(vceqq_f32(a, a))); }
// `yes` where a > b, elsewhere `no`.
MOBILESEG_ALWAYS_INLINE FourInts WhereHigher(Four a, Four b, FourInts yes, FourInts no) {
  return vbslq_s32(vcgtq_f32(a, b), yes, no);
}
MOBILESEG_ALWAYS_INLINE float LowestOf(Four a) { return vminvq_f32(a); }
MOBILESEG_ALWAYS_INLINE float HighestOf(Four a) { return vmaxvq_f32(a); }

#else

#if defined(__GNUC__) && !defined(MOBILESEG_PLAIN_LOOPS)
typedef float Four __attribute__((vector_size(16)));
typedef std::int32_t FourInts __attribute__((vector_size(16)));

MOBILESEG_ALWAYS_INLINE Four Lower(Four a, Four b) { return a < b ? a : b; }
MOBILESEG_ALWAYS_INLINE Four Higher(Four a, Four b) { return a > b ? a : b; }
MOBILESEG_ALWAYS_INLINE Four MulAdd(Four addend, Four a, Four b) { return addend + a * b; }
MOBILESEG_ALWAYS_INLINE FourInts IsHigher(Four a, Four b) { return a > b; }
MOBILESEG_ALWAYS_INLINE FourInts IsNan(Four a) { return a != a; }
MOBILESEG_ALWAYS_INLINE FourInts WhereHigher(Four a, Four b, FourInts yes, FourInts no) {
  const FourInts ahead = a > b;
  return (yes & ahead) | (no & ~ahead);
}
MOBILESEG_ALWAYS_INLINE Four AllFour(float value) { return Four{value, value, value, value}; }
MOBILESEG_ALWAYS_INLINE FourInts AllFour(std::int32_t value) { return FourInts{value, value, value, value}; }
#else
template <typename T>
struct FourOf {
  T at[4];
  T operator[](int i) const { return at[i]; }
};
using Four = FourOf<float>;
using FourInts = FourOf<std::int32_t>;

inline Four Lower(Four a, Four b) {
  for (int i = 0; i < 4; ++i) a.at[i] = a[i] < b[i] ? a[i] : b[i];
  return a;
}
inline Four Higher(Four a, Four b) {
  for (int i = 0; i < 4; ++i) a.at[i] = a[i] > b[i] ? a[i] : b[i];
  return a;
}
inline Four MulAdd(Four addend, Four a, Four b) {
  for (int i = 0; i < 4; ++i) addend.at[i] += a[i] * b[i];
  return addend;
}
inline FourInts IsHigher(Four a, Four b) {
  FourInts ahead;
  for (int i = 0; i < 4; ++i) ahead.at[i] = -static_cast<std::int32_t>(a[i] > b[i]);
  return ahead;
}
inline FourInts IsNan(Four a) {
  FourInts nan;
  for (int i = 0; i < 4; ++i) nan.at[i] = -static_cast<std::int32_t>(a[i] != a[i]);
  return nan;
}
inline FourInts WhereHigher(Four a, Four b, FourInts yes, FourInts no) {
  for (int i = 0; i < 4; ++i) no.at[i] = a[i] > b[i] ? yes[i] : no[i];
  return no;
}
inline Four operator+(Four a, Four b) {
  for (int i = 0; i < 4; ++i) a.at[i] += b[i];
  return a;
}
inline Four operator/(Four a, Four b) {
  for (int i = 0; i < 4; ++i) a.at[i] /= b[i];
  return a;
}
template <typename T>
FourOf<T> operator-(FourOf<T> a, FourOf<T> b) {
  for (int i = 0; i < 4; ++i) a.at[i] -= b[i];
  return a;
}
inline FourInts operator|(FourInts a, FourInts b) {
  for (int i = 0; i < 4; ++i) a.at[i] |= b[i];
  return a;
}
inline Four AllFour(float value) { return {{value, value, value, value}}; }
inline FourInts AllFour(std::int32_t value) { return {{value, value, value, value}}; }
#endif

MOBILESEG_ALWAYS_INLINE Four LoadFour(const float* from) {
  Four four;
  std::memcpy(&four, from, sizeof four);
  return four;
}
MOBILESEG_ALWAYS_INLINE FourInts LoadFour(const std::int32_t* from) {
  FourInts four;
  std::memcpy(&four, from, sizeof four);
  return four;
}
MOBILESEG_ALWAYS_INLINE Four LoadPairs(const float* a, const float* b) {
  const float pairs[4] = {a[0], a[1], b[0], b[1]};
  return LoadFour(pairs);
}
MOBILESEG_ALWAYS_INLINE void StoreFour(Four four, float* to) { std::memcpy(to, &four, sizeof four); }
MOBILESEG_ALWAYS_INLINE void StoreFour(FourInts four, std::int32_t* to) { std::memcpy(to, &four, sizeof four); }
MOBILESEG_ALWAYS_INLINE Four Magnitude(Four a) { return Higher(a, AllFour(0.0f) - a); }
MOBILESEG_ALWAYS_INLINE bool AnyOf(FourInts a) { return (a[0] | a[1] | a[2] | a[3]) != 0; }
MOBILESEG_ALWAYS_INLINE float LowestOf(Four a) {
  const float one = a[0] < a[1] ? a[0] : a[1], other = a[2] < a[3] ? a[2] : a[3];
  return one < other ? one : other;
}
MOBILESEG_ALWAYS_INLINE float HighestOf(Four a) {
  const float one = a[0] > a[1] ? a[0] : a[1], other = a[2] > a[3] ? a[2] : a[3];
  return one > other ? one : other;
}

#endif

MOBILESEG_ALWAYS_INLINE Four Cut(Four four) { return Higher(Lower(four, AllFour(kLargest)), AllFour(-kLargest)); }

// For each of four places the best of what competes there, and the second.
struct Leader {
  Four best = AllFour(-std::numeric_limits<float>::infinity()), second = best;
  FourInts who = AllFour(std::int32_t{0});

  MOBILESEG_ALWAYS_INLINE void Compete(Four value, FourInts index) {
    second = Higher(second, Lower(value, best));
    who = WhereHigher(value, best, index, who);
    best = Higher(best, value);
  }
  MOBILESEG_ALWAYS_INLINE Four Ahead() const { return best - second; }
};

}  // namespace detail
}  // namespace mobileseg

#endif  // MOBILESEG_DETAIL_FOUR_H_

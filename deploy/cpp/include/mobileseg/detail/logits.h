// Logits as they lie in memory. Internal to upsample_labels.h.

#ifndef MOBILESEG_DETAIL_LOGITS_H_
#define MOBILESEG_DETAIL_LOGITS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

// The two hot loops are compiled for AVX2 too, which baseline x86-64 lacks, and chosen where the processor has it. The
// results are the same. ARM's NEON needs no choice: every 64-bit processor has it.
#if defined(__GNUC__)
#define MOBILESEG_ALWAYS_INLINE __attribute__((always_inline)) inline
#if defined(__x86_64__) && !defined(__AVX2__)
#define MOBILESEG_DISPATCH_AVX2
#endif
#else
#define MOBILESEG_ALWAYS_INLINE inline
#endif

namespace mobileseg {

enum class Layout { kNchw, kNhwc };

// IEEE 754 half precision by its bits, for compilers that have no type for it.
struct Half {
  std::uint16_t bits;
};

namespace detail {

#ifdef MOBILESEG_DISPATCH_AVX2
inline bool HasAvx2() {
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
}
#endif

constexpr float kLargest = std::numeric_limits<float>::max() / 2;

MOBILESEG_ALWAYS_INLINE float ToFloat(float value) { return value; }

MOBILESEG_ALWAYS_INLINE float ToFloat(Half half) {
  const std::uint32_t magnitude = half.bits & 0x7fffu;
  std::uint32_t bits = magnitude << 13;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  // The exponents' biases differ by 112; multiplying by 2^112 takes care of subnormals too.
  value *= 5192296858534827628530496329220096.0f;
  std::memcpy(&bits, &value, sizeof bits);
  if (magnitude >= 0x7c00u) bits |= 0x7f800000u;
  bits |= static_cast<std::uint32_t>(half.bits & 0x8000u) << 16;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

MOBILESEG_ALWAYS_INLINE float Cut(float value) {
  value = value < kLargest ? value : kLargest;
  return value > -kLargest ? value : -kLargest;
}

// low and high are float32 values, so both products are exact and only the sum is rounded.
inline double Mix(double low, double high, float weight) { return low * (1.0f - weight) + high * weight; }

// Logits [classes, height, width] or [height, width, classes].
template <typename Logit>
struct LogitMap {
  const Logit* data;
  int classes, height, width;
  Layout layout;

  std::size_t class_step() const { return layout == Layout::kNchw ? static_cast<std::size_t>(height) * width : 1; }
  std::size_t column_step() const { return layout == Layout::kNchw ? 1 : static_cast<std::size_t>(classes); }
  const Logit* row(int y) const { return data + static_cast<std::size_t>(y) * width * column_step(); }
  float at(int c, int y, int x) const { return Cut(ToFloat(row(y)[c * class_step() + x * column_step()])); }
};

}  // namespace detail
}  // namespace mobileseg

#endif  // MOBILESEG_DETAIL_LOGITS_H_

// The best class at each logit. Internal to upsample_labels.h.

#ifndef MOBILESEG_DETAIL_WINNERS_H_
#define MOBILESEG_DETAIL_WINNERS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "axis.h"
#include "four.h"
#include "logits.h"

namespace mobileseg {
namespace detail {

// The class that wins at each logit, and whether another one comes so near that rounding may make them equal.
class Winners {
 public:
  static constexpr std::int32_t kNone = -1;
  static constexpr std::size_t kChunk = 256;  // logits that are looked at together, so that they stay in the cache

  template <typename Logit>
  explicit Winners(const LogitMap<Logit>& map)
      : width_(map.width), labels_(static_cast<std::size_t>(map.height) * map.width) {}

  std::size_t chunks() const { return (labels_.size() + kChunk - 1) / kChunk; }

  // Returns false if some logit is not a number.
  template <typename Logit>
  bool Find(const LogitMap<Logit>& map, std::size_t chunk) {
    const std::size_t start = chunk * kChunk;
    const std::size_t count = std::min(kChunk, labels_.size() - start);
    const std::size_t step = map.column_step();
    std::int32_t* const labels = labels_.data() + start;
    float best[kChunk], second[kChunk];
    std::fill(best, best + count, -std::numeric_limits<float>::infinity());
    std::fill(second, second + count, -kLargest);
    bool nan = false;
    int c = 0;
    if constexpr (std::is_same_v<Logit, float>) {
      for (; step == 1 && c + kTogether <= map.classes; c += kTogether) {
        const float* const from = map.data + c * map.class_step() + start;
        nan |= CompeteTogether(from, map.class_step(), count, c, best, second, labels);
      }
    }
    for (; c < map.classes; ++c) {
      const Logit* const from = map.data + c * map.class_step() + start * step;
      nan |= step == 1 ? CompeteSideBySide(from, count, c, best, second, labels)
                       : Compete(from, step, count, c, best, second, labels);
    }
    for (std::size_t i = 0; i < count; ++i) {
      // Two classes whose gap exceeds this at every corner are not rounded to the same value anywhere between.
      const float margin = std::max(2.4e-7f * std::max(std::abs(best[i]), std::abs(second[i])), 1e-37f);
      labels[i] = best[i] - second[i] > margin ? labels[i] : ~labels[i];
    }
    return !nan;
  }

  // The class that wins in a whole cell, or kNone.
  std::int32_t Of(const Axis::Cell& row, const Axis::Cell& column) const {
    const std::int32_t* const upper = labels_.data() + static_cast<std::size_t>(row.low) * width_;
    const std::int32_t* const lower = labels_.data() + static_cast<std::size_t>(row.high) * width_;
    const std::int32_t label = upper[column.low];
    const bool same = upper[column.high] == label && lower[column.low] == label && lower[column.high] == label;
    return same && label >= 0 ? label : kNone;
  }

  // The classes that win at the corners of a cell.
  void AtCorners(const Axis::Cell& row, const Axis::Cell& column, std::int32_t (&best)[4]) const {
    int i = 0;
    for (const int y : {row.low, row.high}) {
      for (const int x : {column.low, column.high}) {
        const std::int32_t c = labels_[static_cast<std::size_t>(y) * width_ + x];
        best[i++] = c < 0 ? ~c : c;
      }
    }
  }

  // A value that some class reaches at all corners of a cell: the best that the corners' winners have to offer.
  template <typename Logit>
  float Reached(const LogitMap<Logit>& map, const Axis::Cell& row, const Axis::Cell& column,
                const std::int32_t (&best)[4]) const {
    float reached = -kLargest;
    std::int32_t before = kNone;
    for (const std::int32_t c : best) {
      if (c == before) continue;
      before = c;
      const float upper = std::min(map.at(c, row.low, column.low), map.at(c, row.low, column.high));
      const float lower = std::min(map.at(c, row.high, column.low), map.at(c, row.high, column.high));
      reached = std::max(reached, std::min(upper, lower));
    }
    return reached;
  }

 private:
  static constexpr int kTogether = 4;  // classes, so that the best is read and written once for them all

  // Lets kTogether classes compete for `count` logits, the first of them `label`. Returns whether one is not a number.
  static bool CompeteTogether(const float* from, std::size_t class_step, std::size_t count, int label, float* best,
                              float* second, std::int32_t* labels) {
    FourInts nan = AllFour(std::int32_t{0});
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4) {
      Leader leader{LoadFour(best + i), LoadFour(second + i), LoadFour(labels + i)};
      for (int c = 0; c < kTogether; ++c) {
        const Four given = LoadFour(from + c * class_step + i);
        nan = nan | IsNan(given);
        leader.Compete(Cut(given), AllFour(static_cast<std::int32_t>(label + c)));
      }
      StoreFour(leader.best, best + i);
      StoreFour(leader.second, second + i);
      StoreFour(leader.who, labels + i);
    }
    int rest = 0;
    for (int c = 0; c < kTogether; ++c)
      rest |= Compete(from + c * class_step + i, 1, count - i, label + c, best + i, second + i, labels + i);
    return AnyOf(nan) || rest;
  }

  template <typename Logit>
  static int CompeteSideBySide(const Logit* from, std::size_t count, int label, float* best, float* second,
                               std::int32_t* labels) {
#ifdef MOBILESEG_DISPATCH_AVX2
    if (HasAvx2()) return CompeteWithAvx2(from, count, label, best, second, labels);
#endif
    return Compete(from, 1, count, label, best, second, labels);
  }

#ifdef MOBILESEG_DISPATCH_AVX2
  template <typename Logit>
  __attribute__((target("avx2"))) static int CompeteWithAvx2(const Logit* from, std::size_t count, int label,
                                                             float* best, float* second, std::int32_t* labels) {
    return Compete(from, 1, count, label, best, second, labels);
  }
#endif

  // Lets a class compete for `count` logits. Inlined so that it is compiled anew for each kind of processor.
  template <typename Logit>
  MOBILESEG_ALWAYS_INLINE static int Compete(const Logit* from, std::size_t step, std::size_t count, int label,
                                             float* best, float* second, std::int32_t* labels) {
    int nan = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const float given = ToFloat(from[i * step]);
      nan |= given != given;
      const float value = Cut(given);
      const float first = best[i], next = second[i];
      const float loser = value < first ? value : first;
      second[i] = next < loser ? loser : next;
      best[i] = value > first ? value : first;
      // With a mask: of a choice compilers make a branch here, and then do not vectorise.
      const std::int32_t ahead = -static_cast<std::int32_t>(value > first);
      labels[i] = (label & ahead) | (labels[i] & ~ahead);
    }
    return nan;
  }

  int width_;
  std::vector<std::int32_t> labels_;
};

}  // namespace detail
}  // namespace mobileseg

#endif  // MOBILESEG_DETAIL_WINNERS_H_

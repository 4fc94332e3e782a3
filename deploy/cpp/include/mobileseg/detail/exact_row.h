// A row of samples in the precision of the definition. Internal to upsample_labels.h.

#ifndef MOBILESEG_DETAIL_EXACT_ROW_H_
#define MOBILESEG_DETAIL_EXACT_ROW_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "logits.h"

namespace mobileseg {
namespace detail {

// The definition of a label map for one row of samples between four logits.
class ExactRow {
 public:
  ExactRow(int classes, int samples)
      : left_(classes), right_(classes), rivals_(classes), best_(samples), winner_(samples) {}

  // Labels of one row.
  //   classes: those that compete, `count` of them in ascending order.
  //   corners: of each its upper left, upper right, lower left and lower right logit.
  //   vertical: weight of the lower row.
  //   weights: of the right column, one a sample, ascending.
  template <typename Label>
  void Find(const std::int32_t* classes, const float* corners, int count, float vertical, const float* weights,
            int samples, Label* labels) {
    // Four samples of a few classes are weighed faster than it takes to find out which classes could win.
    if (samples == 4 && count <= 12) {
      WeighAll<4>(classes, corners, count, vertical, weights, labels);
      return;
    }
    for (int i = 0; i < count; ++i) {
      left_[i] = static_cast<float>(Mix(corners[4 * i], corners[4 * i + 2], vertical));
      right_[i] = static_cast<float>(Mix(corners[4 * i + 1], corners[4 * i + 3], vertical));
    }
    const int first = Best(left_.data(), count), last = Best(right_.data(), count);
    if (first == last) {
      std::fill(labels, labels + samples, static_cast<Label>(classes[first]));
      return;
    }
    const int rivals = FindRivals(first, last, count);
    if (rivals == 2)
      Split(classes, first, last, weights, samples, labels);
    else
      Weigh(classes, rivals, weights, samples, labels);
  }

 private:
  // All classes, for a number of samples that the compiler knows.
  template <int kSamples, typename Label>
  static void WeighAll(const std::int32_t* classes, const float* corners, int count, float vertical,
                       const float* weights, Label* labels) {
    double best[kSamples], winner[kSamples] = {};
    std::fill(best, best + kSamples, -std::numeric_limits<double>::infinity());
    for (int i = 0; i < count; ++i, corners += 4) {
      const double left = static_cast<float>(Mix(corners[0], corners[2], vertical));
      const double right = static_cast<float>(Mix(corners[1], corners[3], vertical));
      const double label = classes[i];
      for (int s = 0; s < kSamples; ++s) {
        const double value = Mix(left, right, weights[s]);
        winner[s] = value > best[s] ? label : winner[s];
        best[s] = value > best[s] ? value : best[s];
      }
    }
    for (int s = 0; s < kSamples; ++s) labels[s] = static_cast<Label>(static_cast<std::int32_t>(winner[s]));
  }

  // The largest value's index; of equals the lowest.
  static int Best(const float* values, int count) {
    int index = 0;
    float best = values[0];
    for (int i = 1; i < count; ++i) {
      // With a mask, since a branch here goes either way.
      const int ahead = -static_cast<int>(values[i] > best);
      index = (i & ahead) | (index & ~ahead);
      best = values[i] > best ? values[i] : best;
    }
    return index;
  }

  // The classes that may win somewhere between the ends, given the winners at the ends. A line that lies nowhere
  // above the first winner's loses to it everywhere: equals go to the lower class, and a lower class that is behind
  // at both ends stays behind. The same for the last winner's.
  int FindRivals(int first, int last, int count) {
    const float at_left = left_[last], at_right = right_[first];
    int rivals = 0;
    for (int i = 0; i < count; ++i) {
      const int below_first = int(right_[i] < at_right) | (int(right_[i] == at_right) & int(first < i));
      const int below_last = int(left_[i] < at_left) | (int(left_[i] == at_left) & int(last < i));
      rivals_[rivals] = i;
      rivals += 1 - (below_first | below_last);
    }
    return rivals;
  }

  // Two lines cross once: the first winner has the samples up to there.
  template <typename Label>
  void Split(const std::int32_t* classes, int first, int last, const float* weights, int samples,
             Label* labels) const {
    const double left[2] = {left_[first], left_[last]}, right[2] = {right_[first], right_[last]};
    // Of equals the lower class wins.
    const auto holds = [&](int s) {
      const double one = Mix(left[0], right[0], weights[s]), other = Mix(left[1], right[1], weights[s]);
      return first < last ? one >= other : one > other;
    };
    int end = 0;
    for (int above = samples; end < above;) {
      const int middle = (end + above) / 2;
      if (holds(middle))
        end = middle + 1;
      else
        above = middle;
    }
    std::fill(labels, labels + end, static_cast<Label>(classes[first]));
    std::fill(labels + end, labels + samples, static_cast<Label>(classes[last]));
  }

  template <typename Label>
  void Weigh(const std::int32_t* classes, int rivals, const float* weights, int samples, Label* labels) {
    double* const best = best_.data();
    double* const winner = winner_.data();
    std::fill(best, best + samples, -std::numeric_limits<double>::infinity());
    for (int k = 0; k < rivals; ++k) {
      const double left = left_[rivals_[k]], right = right_[rivals_[k]], label = classes[rivals_[k]];
      for (int s = 0; s < samples; ++s) {
        const double value = Mix(left, right, weights[s]);
        winner[s] = value > best[s] ? label : winner[s];
        best[s] = value > best[s] ? value : best[s];
      }
    }
    for (int s = 0; s < samples; ++s) labels[s] = static_cast<Label>(static_cast<std::int32_t>(winner[s]));
  }

  std::vector<float> left_, right_;  // each class's values at the two ends of the row
  std::vector<int> rivals_;
  std::vector<double> best_, winner_;  // of one width, so that the compiler can choose among both at once
};

}  // namespace detail
}  // namespace mobileseg

#endif  // MOBILESEG_DETAIL_EXACT_ROW_H_

// The classes of one cell against each other. Internal to upsample_labels.h.

#ifndef MOBILESEG_DETAIL_CONTEST_H_
#define MOBILESEG_DETAIL_CONTEST_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "logits.h"

namespace mobileseg {
namespace detail {

// The classes that compete in one cell, in ascending order: their corners, and for one row of samples their
// values at its two ends.
class Contest {
 public:
  Contest(int classes, int samples)
      : classes_(classes), corners_(4 * static_cast<std::size_t>(classes)), left_(classes), right_(classes),
        rivals_(classes), best_(samples), winner_(samples) {}

  void Clear() { count_ = 0; }

  void Add(int label, float upper_left, float upper_right, float lower_left, float lower_right) {
    const std::size_t step = classes_.size();
    float* const corner = corners_.data() + count_;
    corner[0] = upper_left;
    corner[step] = upper_right;
    corner[2 * step] = lower_left;
    corner[3 * step] = lower_right;
    classes_[count_++] = label;
  }

  // Labels of one row of the cell's samples.
  //   vertical: weight of the lower row.
  //   weights: of the right column, one a sample, ascending.
  template <typename Label>
  void LabelSamples(float vertical, const float* weights, int samples, Label* labels) {
    // Four samples of a few classes are weighed faster than it takes to find out which classes could win.
    if (samples == 4 && count_ <= 12) {
      WeighAll<4>(vertical, weights, labels);
      return;
    }
    const std::size_t step = classes_.size();
    MixEnds(corners_.data(), corners_.data() + 2 * step, vertical, left_.data());
    MixEnds(corners_.data() + step, corners_.data() + 3 * step, vertical, right_.data());
    const int first = Best(left_.data()), last = Best(right_.data());
    if (first == last) {
      std::fill(labels, labels + samples, static_cast<Label>(classes_[first]));
      return;
    }
    const int rivals = FindRivals(first, last);
    if (rivals == 2)
      Split(first, last, weights, samples, labels);
    else
      Weigh(rivals, weights, samples, labels);
  }

 private:
  // The definition of a label map, for a number of samples that the compiler knows.
  template <int kSamples, typename Label>
  void WeighAll(float vertical, const float* weights, Label* labels) const {
    const std::size_t step = classes_.size();
    const float* const corners = corners_.data();
    double best[kSamples], winner[kSamples] = {};
    std::fill(best, best + kSamples, -std::numeric_limits<double>::infinity());
    for (int i = 0; i < count_; ++i) {
      const double left = static_cast<float>(Mix(corners[i], corners[2 * step + i], vertical));
      const double right = static_cast<float>(Mix(corners[step + i], corners[3 * step + i], vertical));
      const double label = classes_[i];
      for (int s = 0; s < kSamples; ++s) {
        const double value = Mix(left, right, weights[s]);
        winner[s] = value > best[s] ? label : winner[s];
        best[s] = value > best[s] ? value : best[s];
      }
    }
    for (int s = 0; s < kSamples; ++s) labels[s] = static_cast<Label>(static_cast<std::int32_t>(winner[s]));
  }

  void MixEnds(const float* upper, const float* lower, float vertical, float* values) const {
    for (int i = 0; i < count_; ++i) values[i] = static_cast<float>(Mix(upper[i], lower[i], vertical));
  }

  // The largest value's index; of equals the lowest.
  int Best(const float* values) const {
    int index = 0;
    float best = values[0];
    for (int i = 1; i < count_; ++i) {
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
  int FindRivals(int first, int last) {
    const float at_left = left_[last], at_right = right_[first];
    int rivals = 0;
    for (int i = 0; i < count_; ++i) {
      const int below_first = int(right_[i] < at_right) | (int(right_[i] == at_right) & int(first < i));
      const int below_last = int(left_[i] < at_left) | (int(left_[i] == at_left) & int(last < i));
      rivals_[rivals] = i;
      rivals += 1 - (below_first | below_last);
    }
    return rivals;
  }

  // Two lines cross once: the first winner has the samples up to there.
  template <typename Label>
  void Split(int first, int last, const float* weights, int samples, Label* labels) const {
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
    std::fill(labels, labels + end, static_cast<Label>(classes_[first]));
    std::fill(labels + end, labels + samples, static_cast<Label>(classes_[last]));
  }

  template <typename Label>
  void Weigh(int rivals, const float* weights, int samples, Label* labels) {
    double* const best = best_.data();
    double* const winner = winner_.data();
    std::fill(best, best + samples, -std::numeric_limits<double>::infinity());
    for (int k = 0; k < rivals; ++k) {
      const double left = left_[rivals_[k]], right = right_[rivals_[k]], label = classes_[rivals_[k]];
      for (int s = 0; s < samples; ++s) {
        const double value = Mix(left, right, weights[s]);
        winner[s] = value > best[s] ? label : winner[s];
        best[s] = value > best[s] ? value : best[s];
      }
    }
    for (int s = 0; s < samples; ++s) labels[s] = static_cast<Label>(static_cast<std::int32_t>(winner[s]));
  }

  int count_ = 0;
  std::vector<int> classes_;
  std::vector<float> corners_;  // upper left, upper right, lower left, lower right, each for all classes
  std::vector<float> left_, right_;
  std::vector<int> rivals_;
  std::vector<double> best_, winner_;  // of one width, so that the compiler can choose among both at once
};

}  // namespace detail
}  // namespace mobileseg

#endif  // MOBILESEG_DETAIL_CONTEST_H_

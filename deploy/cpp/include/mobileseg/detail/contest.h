// The classes of one cell against each other. Internal to upsample_labels.h.

#ifndef MOBILESEG_DETAIL_CONTEST_H_
#define MOBILESEG_DETAIL_CONTEST_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "four.h"
#include "logits.h"

namespace mobileseg {
namespace detail {

// In float32, with every rounding on the way, a value between four corners is off by less than 12 * 2^-24 of the largest
// of them, so that a class that is ahead by this share of it is ahead in the definition of a label map too.
constexpr float kMargin = 1.0f / (1 << 19);

// The classes that compete in one cell, in ascending order: their corners, and for one row of samples their
// values at its two ends.
class Contest {
 public:
  Contest(int classes, int samples)
      : step_(Whole(classes)), classes_(step_), corners_(4 * step_), left_(step_), right_(step_), rise_(step_),
        weights_(Whole(samples)), rivals_(classes), best_(samples), winner_(samples) {}

  // Begins a cell.
  //   weights: of the right column, one a sample, ascending.
  void Clear(const float* weights, int samples) {
    count_ = 0;
    samples_ = samples;
    std::copy(weights, weights + samples, weights_.begin());
    std::fill(weights_.begin() + samples, weights_.begin() + Whole(samples), weights[samples - 1]);
  }

  void Add(int label, float upper_left, float upper_right, float lower_left, float lower_right) {
    float* const corner = corners_.data() + count_;
    corner[0] = upper_left;
    corner[step_] = upper_right;
    corner[2 * step_] = lower_left;
    corner[3 * step_] = lower_right;
    classes_[count_++] = label;
  }

  // Ends what is added to a cell.
  void Close() {
    for (std::size_t i = count_; i < Whole(count_); ++i)
      for (std::size_t corner = 0; corner < 4; ++corner) corners_[corner * step_ + i] = 0.0f;
    Four largest = AllFour(0.0f);
    for (std::size_t corner = 0; corner < 4; ++corner)
      for (int i = 0; i < count_; i += 4)
        largest = Higher(largest, Magnitude(LoadFour(corners_.data() + corner * step_ + i)));
    margin_ = std::max(HighestOf(largest) * kMargin, 1e-37f);
  }

  // Labels of one row of the cell's samples.
  //   vertical: weight of the lower row.
  template <typename Label>
  void LabelSamples(float vertical, Label* labels) {
    if (samples_ <= kMostSamples && LabelClearly(vertical, labels)) return;
    LabelExactly(vertical, labels);
  }

 private:
  // With more samples it pays to find out first which classes could win.
  static constexpr int kMostSamples = 32;

  static std::size_t Whole(int count) { return (static_cast<std::size_t>(count) + 3) / 4 * 4; }

  // Labels of one row where single precision is enough to tell them; false where two classes come too near.
  template <typename Label>
  bool LabelClearly(float vertical, Label* labels) {
    const Four lower = AllFour(vertical);
    const float* const corners = corners_.data();
    for (int i = 0; i < count_; i += 4) {
      const Four upper_left = LoadFour(corners + i), upper_right = LoadFour(corners + step_ + i);
      const Four left = MulAdd(upper_left, LoadFour(corners + 2 * step_ + i) - upper_left, lower);
      const Four right = MulAdd(upper_right, LoadFour(corners + 3 * step_ + i) - upper_right, lower);
      StoreFour(left, left_.data() + i);
      StoreFour(right - left, rise_.data() + i);
    }
    int sample = 0;
    for (; sample + 8 <= static_cast<int>(Whole(samples_)); sample += 8)
      if (!WeighInSingle<2>(sample, labels)) return false;
    return sample >= samples_ || WeighInSingle<1>(sample, labels);
  }

  // 4 * kFours samples from `sample` on, all classes against each other.
  template <int kFours, typename Label>
  bool WeighInSingle(int sample, Label* labels) const {
    Four weight[kFours], best[kFours], second[kFours];
    FourInts winner[kFours];
    for (int k = 0; k < kFours; ++k) {
      weight[k] = LoadFour(weights_.data() + sample + 4 * k);
      best[k] = MulAdd(AllFour(left_[0]), AllFour(rise_[0]), weight[k]);
      second[k] = AllFour(-std::numeric_limits<float>::infinity());
      winner[k] = AllFour(static_cast<std::int32_t>(classes_[0]));
    }
    for (int i = 1; i < count_; ++i) {
      const Four left = AllFour(left_[i]), rise = AllFour(rise_[i]);
      const FourInts label = AllFour(static_cast<std::int32_t>(classes_[i]));
      for (int k = 0; k < kFours; ++k) {
        const Four value = MulAdd(left, rise, weight[k]);
        second[k] = Higher(second[k], Lower(value, best[k]));
        winner[k] = WhereHigher(value, best[k], label, winner[k]);
        best[k] = Higher(best[k], value);
      }
    }
    Four ahead = best[0] - second[0];
    for (int k = 1; k < kFours; ++k) ahead = Lower(ahead, best[k] - second[k]);
    if (!(LowestOf(ahead) > margin_)) return false;
    std::int32_t found[4 * kFours];
    for (int k = 0; k < kFours; ++k) StoreFour(winner[k], found + 4 * k);
    if (sample + 4 * kFours <= samples_) {
      for (int s = 0; s < 4 * kFours; ++s) labels[sample + s] = static_cast<Label>(found[s]);
    } else {
      for (int s = 0; sample + s < samples_; ++s) labels[sample + s] = static_cast<Label>(found[s]);
    }
    return true;
  }

  // The same in the precision of the definition.
  template <typename Label>
  void LabelExactly(float vertical, Label* labels) {
    const float* const weights = weights_.data();
    const int samples = samples_;
    // Four samples of a few classes are weighed faster than it takes to find out which classes could win.
    if (samples == 4 && count_ <= 12) {
      WeighAll<4>(vertical, weights, labels);
      return;
    }
    MixEnds(corners_.data(), corners_.data() + 2 * step_, vertical, left_.data());
    MixEnds(corners_.data() + step_, corners_.data() + 3 * step_, vertical, right_.data());
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

  // The definition of a label map, for a number of samples that the compiler knows.
  template <int kSamples, typename Label>
  void WeighAll(float vertical, const float* weights, Label* labels) const {
    const std::size_t step = step_;
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

  int count_ = 0, samples_ = 0;
  float margin_ = 0;
  std::size_t step_;
  std::vector<int> classes_;
  std::vector<float> corners_;  // upper left, upper right, lower left, lower right, each for all classes
  std::vector<float> left_, right_, rise_;
  std::vector<float> weights_;
  std::vector<int> rivals_;
  std::vector<double> best_, winner_;  // of one width, so that the compiler can choose among both at once
};

}  // namespace detail
}  // namespace mobileseg

#endif  // MOBILESEG_DETAIL_CONTEST_H_

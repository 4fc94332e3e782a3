// The classes of one cell against each other. Internal to upsample_labels.h.

#ifndef MOBILESEG_DETAIL_CONTEST_H_
#define MOBILESEG_DETAIL_CONTEST_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "exact_row.h"
#include "four.h"

namespace mobileseg {
namespace detail {

// In float32, with every rounding on the way, a value between four corners is off by less than 12 * 2^-24 of the
// largest of them, so that a class that is ahead by this share of it is ahead in the definition of a label map too.
constexpr float kMargin = 1.0f / (1 << 19);

// The classes that compete in one cell, in ascending order.
//
// In a row of samples each class is a straight line between its values at the row's two ends. The best at the left end
// and the best at the right end share the row, whatever lies between, if there is a place in it where every other class
// lies below both: to the left of that place none comes up to the first, to the right of it none up to the last.
// The place to ask at is where these two cross.
class Contest {
 public:
  Contest(int classes, int samples)
      : classes_(classes), corners_(4 * static_cast<std::size_t>(classes)), weights_(Whole(samples)),
        left_(kRows * static_cast<std::size_t>(classes)), rise_(left_.size()), rivals_(classes),
        exact_(classes, samples) {}

  // Begins a cell where `count` classes compete.
  //   corners_of(c): upper left, upper right, lower left and lower right logit of a class.
  //   weights: of the right column, one a sample, ascending.
  template <typename CornersOf>
  void Fill(const std::int32_t* classes, int count, const CornersOf& corners_of, const float* weights, int samples) {
    count_ = count;
    samples_ = samples;
    std::copy(classes, classes + count, classes_.begin());
    float* corners = corners_.data();
    for (int i = 0; i < count; ++i, corners += 4) StoreFour(corners_of(classes[i]), corners);
    std::copy(weights, weights + samples, weights_.begin());
    std::fill(weights_.begin() + samples, weights_.begin() + Whole(samples), weights[samples - 1]);
  }

  // Labels of all samples of the cell.
  //   largest: no corner is larger in magnitude.
  //   vertical: weight of the lower row, for each of `rows` rows of samples.
  //   stride: from one row of labels to the next.
  template <typename Label>
  void LabelCell(float largest, const float* vertical, int rows, Label* labels, std::size_t stride) {
    margin_ = std::max(largest * kMargin, 1e-37f);
    for (int row = 0; row < rows; row += kRows) {
      const int count = std::min(rows - row, kRows);
      if (count > 4)
        LabelRows<2>(vertical + row, count, labels + row * stride, stride);
      else
        LabelRows<1>(vertical + row, count, labels + row * stride, stride);
    }
  }

 private:
  static constexpr int kRows = 8;  // that are looked at together

  static std::size_t Whole(int count) { return (static_cast<std::size_t>(count) + 3) / 4 * 4; }

  // Up to 4 * kFours rows: in single precision where that is enough to tell their labels.
  template <int kFours, typename Label>
  void LabelRows(const float* vertical, int rows, Label* labels, std::size_t stride) {
    constexpr int kLines = 4 * kFours;
    float weights[kLines];
    std::copy(vertical, vertical + rows, weights);
    std::fill(weights + rows, weights + kLines, vertical[rows - 1]);
    FindEnds<kFours>(weights);
    FindRivals<kFours>();
    for (int row = 0; row < rows; ++row, labels += stride) {
      const std::int32_t first = classes_[first_[row]], last = classes_[last_[row]];
      if (clear_[row]) {
        if (first == last) {
          std::fill(labels, labels + samples_, static_cast<Label>(first));
          continue;
        }
        const std::int32_t both[2] = {first, last};
        const bool shared = contenders_[row] == 2;
        if (shared ? Weigh<kRows>(end_left_ + row, end_rise_ + row, both, 2, labels)
                   : Weigh<kLines>(left_.data() + row, rise_.data() + row, rivals_.data(), rival_count_, labels))
          continue;
      }
      exact_.Find(classes_.data(), corners_.data(), count_, vertical[row], weights_.data(), samples_, labels);
    }
  }

  // The line of each class in each row, and the best classes at the rows' ends.
  template <int kFours>
  void FindEnds(const float* vertical) {
    Four lower[kFours];
    Leader at_left[kFours], at_right[kFours];
    for (int k = 0; k < kFours; ++k) lower[k] = LoadFour(vertical + 4 * k);
    const float* corner = corners_.data();
    float *to_left = left_.data(), *to_rise = rise_.data();
    const int count = count_;
    for (int i = 0; i < count; ++i, corner += 4) {
      const Four upper_left = AllFour(corner[0]), left_fall = AllFour(corner[2] - corner[0]);
      const Four upper_right = AllFour(corner[1]), right_fall = AllFour(corner[3] - corner[1]);
      const FourInts index = AllFour(static_cast<std::int32_t>(i));
      for (int k = 0; k < kFours; ++k, to_left += 4, to_rise += 4) {
        const Four left = MulAdd(upper_left, left_fall, lower[k]), right = MulAdd(upper_right, right_fall, lower[k]);
        StoreFour(left, to_left);
        StoreFour(right - left, to_rise);
        at_left[k].Compete(left, index);
        at_right[k].Compete(right, index);
      }
    }
    for (int k = 0; k < kFours; ++k) {
      StoreFour(at_left[k].who, first_ + 4 * k);
      StoreFour(at_right[k].who, last_ + 4 * k);
      StoreFour(IsHigher(Lower(at_left[k].Ahead(), at_right[k].Ahead()), AllFour(margin_)), clear_ + 4 * k);
    }
  }

  // How many classes are not below the two that are the best at a row's ends, these among them; and the lines of the
  // classes that are so in any row, moved to the front.
  template <int kFours>
  void FindRivals() {
    constexpr int kLines = 4 * kFours;
    for (int row = 0; row < kLines; ++row) {
      for (int end = 0; end < 2; ++end) {
        const int line = (end ? last_ : first_)[row] * kLines + row;
        end_left_[end * kRows + row] = left_[line];
        end_rise_[end * kRows + row] = rise_[line];
      }
    }
    Four place[kFours], bound[kFours];
    FourInts contenders[kFours];
    for (int k = 0; k < kFours; ++k) {
      const Four left = LoadFour(end_left_ + 4 * k), rise = LoadFour(end_rise_ + 4 * k);
      const Four last_left = LoadFour(end_left_ + kRows + 4 * k), last_rise = LoadFour(end_rise_ + kRows + 4 * k);
      place[k] = (left - last_left) / Higher(last_rise - rise, AllFour(1e-37f));
      bound[k] = Lower(MulAdd(left, rise, place[k]), MulAdd(last_left, last_rise, place[k])) - AllFour(margin_);
      contenders[k] = AllFour(std::int32_t{0});
    }
    const float *left = left_.data(), *rise = rise_.data();
    float *to_left = left_.data(), *to_rise = rise_.data();
    const std::int32_t* const classes = classes_.data();
    std::int32_t* const rivals = rivals_.data();
    const int count = count_;
    int rival_count = 0;
    for (int i = 0; i < count; ++i, left += kLines, rise += kLines) {
      FourInts any = AllFour(std::int32_t{0});
      for (int k = 0; k < kFours; ++k) {
        const Four from = LoadFour(left + 4 * k), slope = LoadFour(rise + 4 * k);
        const FourInts ahead = IsHigher(MulAdd(from, slope, place[k]), bound[k]);
        contenders[k] = contenders[k] - ahead;
        any = any | ahead;
        StoreFour(from, to_left + 4 * k);
        StoreFour(slope, to_rise + 4 * k);
      }
      rivals[rival_count] = classes[i];
      const int is_rival = AnyOf(any);
      rival_count += is_rival;
      to_left += kLines * is_rival;
      to_rise += kLines * is_rival;
    }
    rival_count_ = rival_count;
    for (int k = 0; k < kFours; ++k) StoreFour(contenders[k], contenders_ + 4 * k);
  }

  // Labels of a row in which `count` classes compete at each sample; false where two come too near each other.
  //   left, rise: their lines, kStep numbers from one to the next.
  template <int kStep, typename Label>
  bool Weigh(const float* left, const float* rise, const std::int32_t* classes, int count, Label* labels) const {
    int sample = 0;
    for (; sample + 4 < samples_; sample += 8)
      if (!WeighFours<2, kStep>(left, rise, classes, count, sample, labels)) return false;
    return sample >= samples_ || WeighFours<1, kStep>(left, rise, classes, count, sample, labels);
  }

  template <int kFours, int kStep, typename Label>
  bool WeighFours(const float* left, const float* rise, const std::int32_t* classes, int count, int sample,
                  Label* labels) const {
    Four weight[kFours];
    Leader leader[kFours];
    for (int k = 0; k < kFours; ++k) weight[k] = LoadFour(weights_.data() + sample + 4 * k);
    for (int i = 0; i < count; ++i, left += kStep, rise += kStep) {
      const Four from = AllFour(*left), slope = AllFour(*rise);
      const FourInts label = AllFour(classes[i]);
      for (int k = 0; k < kFours; ++k) leader[k].Compete(MulAdd(from, slope, weight[k]), label);
    }
    Four ahead = leader[0].Ahead();
    for (int k = 1; k < kFours; ++k) ahead = Lower(ahead, leader[k].Ahead());
    if (!(LowestOf(ahead) > margin_)) return false;
    std::int32_t found[4 * kFours];
    for (int k = 0; k < kFours; ++k) StoreFour(leader[k].who, found + 4 * k);
    if (sample + 4 * kFours <= samples_) {
      for (int s = 0; s < 4 * kFours; ++s) labels[sample + s] = static_cast<Label>(found[s]);
    } else {
      for (int s = 0; sample + s < samples_; ++s) labels[sample + s] = static_cast<Label>(found[s]);
    }
    return true;
  }

  int count_ = 0, samples_ = 0, rival_count_ = 0;
  float margin_ = 0;
  std::vector<std::int32_t> classes_;
  std::vector<float> corners_;       // of each class its upper left, upper right, lower left, lower right
  std::vector<float> weights_;       // of the right column, the last one repeated to whole fours
  std::vector<float> left_, rise_;   // of each class its line in each row, then those of the rivals alone
  std::vector<std::int32_t> rivals_;
  std::int32_t first_[kRows], last_[kRows];  // in each row the indices of the best at its ends,
  std::int32_t clear_[kRows];                // whether these are ahead of the next by more than rounding,
  std::int32_t contenders_[kRows];           // and how many classes may have a part of the row
  float end_left_[2 * kRows], end_rise_[2 * kRows];  // the lines of those two
  ExactRow exact_;
};

}  // namespace detail
}  // namespace mobileseg

#endif  // MOBILESEG_DETAIL_CONTEST_H_

// Finding the classes that can win in a cell. Internal to upsample_labels.h.

#ifndef MOBILESEG_DETAIL_BLOCK_H_
#define MOBILESEG_DETAIL_BLOCK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "contest.h"
#include "four.h"
#include "logits.h"

namespace mobileseg {
namespace detail {

// Cells that are screened together: wide enough for any vector unit, small enough for the first-level cache.
constexpr int kBlock = 16;

// Up to kBlock neighbouring cells between two rows of logits: their corners, and the classes that can win in them.
class Block {
 public:
  explicit Block(int classes)
      : classes_(classes),
        corners_(static_cast<std::size_t>(classes) * 2 * kColumns),
        highest_(static_cast<std::size_t>(classes) * kBlock),
        candidates_(static_cast<std::size_t>(classes) * kBlock) {
    loaded_.reserve(classes);
  }

  // Loads `cells` cells from column `first` on and finds the candidates of each.
  //   reached: what some class reaches at all corners of each cell that is asked for; a class that stays below it
  //            everywhere is not even looked at.
  template <typename Logit>
  void Load(const LogitMap<Logit>& map, int upper_row, int lower_row, int first, int cells,
            float reached) {
    const std::size_t step = map.column_step();
    const Logit* row = map.row(upper_row) + first * step;
    const std::size_t to_lower = map.row(lower_row) - map.row(upper_row), class_step = map.class_step();
    const int columns = std::min(cells + 1, map.width - first);
    std::fill(highest_lowest_, highest_lowest_ + kBlock, -kLargest);
    largest_ = AllFour(0.0f);
    loaded_.clear();
    float gathered[2][kColumns];
    for (int c = 0; c < classes_; ++c, row += class_step) {
      const float* const upper = Floats(row, step, columns, gathered[0]);
      const float* const lower = Floats(row + to_lower, step, columns, gathered[1]);
      // The last column again, where there are no more.
      const int last = upper == gathered[0] ? kBlock : columns - 1;
      if (Largest(upper, lower, last) < reached) continue;
      LoadClass(c, upper, lower, last);
      loaded_.push_back(c);
    }
    Screen(cells);
  }

  // Classes that can win in a cell, in ascending order; at least one.
  const int* Candidates(int cell) const { return candidates_.data() + static_cast<std::size_t>(cell) * classes_; }

  // No corner of any candidate is larger in magnitude.
  float largest() const { return HighestOf(largest_); }

  // Lets the candidates of a cell compete for `samples` columns of samples.
  void Enter(int cell, const float* weights, int samples, Contest* contest) const {
    const float* const corners = corners_.data() + cell;
    const auto corners_of = [corners](int c) {
      const float* const upper = corners + static_cast<std::size_t>(c) * 2 * kColumns;
      return LoadPairs(upper, upper + kColumns);
    };
    contest->Fill(Candidates(cell), counts_[cell], corners_of, weights, samples);
  }

 private:
  static constexpr int kColumns = kBlock + 1;

  float* Corners(int c) { return corners_.data() + static_cast<std::size_t>(c) * 2 * kColumns; }
  const float* Corners(int c) const { return corners_.data() + static_cast<std::size_t>(c) * 2 * kColumns; }

  // `columns` logits in a row as they lie in memory, or where they do not, gathered and the last one repeated.
  static const float* Floats(const float* from, std::size_t step, int columns, float* gathered) {
    return step == 1 && columns >= kBlock ? from : Gather(from, step, columns, gathered);
  }
  static const float* Floats(const Half* from, std::size_t step, int columns, float* gathered) {
    return Gather(from, step, columns, gathered);
  }

  template <typename Logit>
  static const float* Gather(const Logit* from, std::size_t step, int columns, float* gathered) {
    if (columns == kColumns && step == 1) {
      for (int i = 0; i < kColumns; ++i) gathered[i] = ToFloat(from[i]);
      return gathered;
    }
    for (int i = 0; i < columns; ++i) gathered[i] = ToFloat(from[i * step]);
    for (int i = columns; i < kColumns; ++i) gathered[i] = gathered[columns - 1];
    return gathered;
  }

  static float Largest(const float* upper, const float* lower, int last) {
    Four four = AllFour(std::max(upper[last], lower[last]));
    for (int i = 0; i < kBlock; i += 4) four = Higher(four, Higher(LoadFour(upper + i), LoadFour(lower + i)));
    return HighestOf(four);
  }

  // Takes over the corners of a class, and what it reaches in each cell at most and at least.
  void LoadClass(int c, const float* upper, const float* lower, int last) {
    float* const to = Corners(c);
    float low[kColumns], high[kColumns];
    for (int i = 0; i < kBlock; i += 4) {
      const Four above = Cut(LoadFour(upper + i)), below = Cut(LoadFour(lower + i));
      StoreFour(above, to + i);
      StoreFour(below, to + kColumns + i);
      StoreFour(Lower(above, below), low + i);
      StoreFour(Higher(above, below), high + i);
      largest_ = Higher(largest_, Higher(Magnitude(above), Magnitude(below)));
    }
    const float above = Cut(upper[last]), below = Cut(lower[last]);
    to[kBlock] = above;
    to[kColumns + kBlock] = below;
    low[kBlock] = std::min(above, below);
    high[kBlock] = std::max(above, below);
    largest_ = Higher(largest_, Magnitude(AllFour(std::max(-low[kBlock], high[kBlock]))));
    float* const highest = highest_.data() + static_cast<std::size_t>(c) * kBlock;
    for (int i = 0; i < kBlock; i += 4) {
      StoreFour(Higher(LoadFour(high + i), LoadFour(high + i + 1)), highest + i);
      const Four lowest = Lower(LoadFour(low + i), LoadFour(low + i + 1));
      StoreFour(Higher(LoadFour(highest_lowest_ + i), lowest), highest_lowest_ + i);
    }
  }

  void Screen(int cells) {
    std::fill(counts_, counts_ + kBlock, 0);
    for (const int c : loaded_) {
      const float* const highest = highest_.data() + static_cast<std::size_t>(c) * kBlock;
      int any = 0;
      for (int cell = 0; cell < kBlock; ++cell) any |= highest[cell] >= highest_lowest_[cell];
      if (!any) continue;
      for (int cell = 0; cell < cells; ++cell)
        if (highest[cell] >= highest_lowest_[cell])
          candidates_[static_cast<std::size_t>(cell) * classes_ + counts_[cell]++] = c;
    }
  }

  int classes_;
  std::vector<float> corners_;    // for each class the upper row, then the lower row
  std::vector<float> highest_;    // for each class and cell the largest of the four corners
  std::vector<int> candidates_;   // for each cell the classes that can win
  std::vector<int> loaded_;       // the classes that come into question, ascending
  float highest_lowest_[kBlock];  // for each cell the largest among the classes' smallest corners
  int counts_[kBlock];
  Four largest_;                  // among all corners that are loaded
};

}  // namespace detail
}  // namespace mobileseg

#endif  // MOBILESEG_DETAIL_BLOCK_H_

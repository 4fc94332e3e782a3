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
  void Load(const LogitMap<Logit>& map, int upper, int lower, int first, int cells, float reached) {
    const std::size_t step = map.column_step();
    const Logit* const rows[2] = {map.row(upper) + first * step, map.row(lower) + first * step};
    const int columns = std::min(cells + 1, map.width - first);
    std::fill(highest_lowest_, highest_lowest_ + kBlock, -kLargest);
    loaded_.clear();
    for (int c = 0; c < classes_; ++c) {
      const Logit* const from[2] = {rows[0] + c * map.class_step(), rows[1] + c * map.class_step()};
      if (Largest(from[0], from[1], step, columns) < reached) continue;
      for (int r = 0; r < 2; ++r) LoadRow(from[r], step, columns, Corners(c) + r * kColumns);
      loaded_.push_back(c);
      Bound(c);
    }
    Screen(cells);
  }

  // Classes that can win in a cell, in ascending order; at least one.
  const int* Candidates(int cell) const { return candidates_.data() + static_cast<std::size_t>(cell) * classes_; }

  // Lets the candidates of a cell compete for `samples` columns of samples. One that lies below another at all four
  // corners stays below it between them; those that are best at a corner are the others to ask.
  //   best: the classes that win at the cell's corners.
  void Enter(int cell, const std::int32_t (&best)[4], const float* weights, int samples, Contest* contest) const {
    contest->Clear(weights, samples);
    Four above[4];
    int rulers = 0;
    for (int i = 0; i < 4; ++i) {
      if (std::find(best, best + i, best[i]) != best + i) continue;
      const Four corners = CornersOf(best[i], cell);
      above[rulers++] = corners - AllFour(HighestOf(Magnitude(corners)) * kMargin);
    }
    for (int i = 0; i < counts_[cell]; ++i) {
      const int c = Candidates(cell)[i];
      const Four corners = CornersOf(c, cell);
      const Four below = corners + AllFour(HighestOf(Magnitude(corners)) * kMargin + 1e-37f);
      bool ruled = false;
      for (int k = 0; k < rulers; ++k) ruled |= LowestOf(above[k] - below) > 0.0f;
      if (ruled) continue;
      const float* const upper = Corners(c) + cell;
      contest->Add(c, upper[0], upper[1], upper[kColumns], upper[kColumns + 1]);
    }
    contest->Close();
  }

 private:
  static constexpr int kColumns = kBlock + 1;

  float* Corners(int c) { return corners_.data() + static_cast<std::size_t>(c) * 2 * kColumns; }
  const float* Corners(int c) const { return corners_.data() + static_cast<std::size_t>(c) * 2 * kColumns; }

  Four CornersOf(int c, int cell) const {
    const float* const upper = Corners(c) + cell;
    return LoadPairs(upper, upper + kColumns);
  }

  template <typename Logit>
  static void LoadRow(const Logit* from, std::size_t step, int columns, float* to) {
    if (columns == kColumns && step == 1) {
      for (int i = 0; i < kColumns; ++i) to[i] = Cut(ToFloat(from[i]));
      return;
    }
    for (int i = 0; i < columns; ++i) to[i] = Cut(ToFloat(from[i * step]));
    for (int i = columns; i < kColumns; ++i) to[i] = to[columns - 1];
  }

  template <typename Logit>
  static float Largest(const Logit* upper, const Logit* lower, std::size_t step, int columns) {
    float largest = -kLargest;
    if (columns < kColumns || step != 1) {
      for (int i = 0; i < columns; ++i)
        largest = std::max(largest, std::max(ToFloat(upper[i * step]), ToFloat(lower[i * step])));
      return largest;
    }
    return LargestOfRows(upper, lower);
  }

  static float LargestOfRows(const float* upper, const float* lower) {
    Four four = AllFour(std::max(upper[kBlock], lower[kBlock]));
    for (int i = 0; i < kBlock; i += 4) four = Higher(four, Higher(LoadFour(upper + i), LoadFour(lower + i)));
    return HighestOf(four);
  }

  template <typename Logit>
  static float LargestOfRows(const Logit* upper, const Logit* lower) {
    float rows[2][kColumns];
    for (int i = 0; i < kColumns; ++i) {
      rows[0][i] = ToFloat(upper[i]);
      rows[1][i] = ToFloat(lower[i]);
    }
    return LargestOfRows(rows[0], rows[1]);
  }

  void Bound(int c) {
    const float* const upper = Corners(c);
    const float* const lower = upper + kColumns;
    float* const highest = highest_.data() + static_cast<std::size_t>(c) * kBlock;
    float low[kColumns], high[kColumns];
    for (int i = 0; i < kColumns; ++i) {
      low[i] = upper[i] < lower[i] ? upper[i] : lower[i];
      high[i] = upper[i] < lower[i] ? lower[i] : upper[i];
    }
    for (int i = 0; i < kBlock; ++i) {
      highest[i] = high[i] < high[i + 1] ? high[i + 1] : high[i];
      const float lowest = low[i] < low[i + 1] ? low[i] : low[i + 1];
      highest_lowest_[i] = highest_lowest_[i] < lowest ? lowest : highest_lowest_[i];
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
};

}  // namespace detail
}  // namespace mobileseg

#endif  // MOBILESEG_DETAIL_BLOCK_H_

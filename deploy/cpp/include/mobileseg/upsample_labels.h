// Exact label maps from low-resolution logits.
//
// A segmentation network ends in logits at 1/8 or 1/16 of the picture. The usual way to labels is to
// interpolate every class to the picture's size and take the argmax, which costs more than the network.
// But bilinear interpolation inside a cell of four neighbouring logits is a convex combination of the
// four: a class whose largest corner lies below the smallest corner of another class wins nowhere in that
// cell. That test leaves one class in most cells, which are then filled, and a few classes in the others,
// which are weighed sample by sample.
//
// The result is that of interpolation followed by argmax, ties going to the lowest class:
//  - Coordinates are those of Paddle's bilinear_interp_v2: half-pixel centres (align_mode 0), or aligned
//    corners. Weights are float32, as Paddle computes them.
//  - With those weights the label is the argmax of exact arithmetic wherever the two best classes differ
//    by more than 2^-23 of the largest magnitude among their corners. Against an interpolation in float32,
//    which rounds more often, the same holds with 2^-20.
//  - The same input gives the same bytes on every processor: products are taken in double precision, where
//    they are exact, so it does not matter whether a compiler fuses them with the sum. Do not compile with
//    -ffast-math.
//  - Logits beyond half of float32's largest value, infinities among them, count as that half.
//
// Memory: O(classes) for each thread and O(out_height + out_width), beside input and output.
//
// Header only, C++17, no dependencies. Compile with -O3: the loops are written for the vectoriser.

#ifndef MOBILESEG_UPSAMPLE_LABELS_H_
#define MOBILESEG_UPSAMPLE_LABELS_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

namespace mobileseg {

enum class Layout { kNchw, kNhwc };

enum class LabelStatus {
  kOk,
  kBadShape,        // a size, or the number of classes or of threads, is not positive
  kTooManyClasses,  // the label type cannot hold classes - 1
  kNan,             // some logit is not a number; nothing was written
};

// IEEE 754 half precision by its bits, for compilers that have no type for it.
struct Half {
  std::uint16_t bits;
};

namespace detail {

// Cells that are screened together: wide enough for any vector unit, small enough for the first-level cache.
constexpr int kBlock = 16;

constexpr float kLargest = std::numeric_limits<float>::max() / 2;

inline float ToFloat(float value) { return value; }

inline float ToFloat(Half half) {
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

inline bool IsNan(float value) { return value != value; }
inline bool IsNan(Half half) { return (half.bits & 0x7fffu) > 0x7c00u; }

template <typename Logit>
bool ContainsNan(const Logit* logits, std::size_t count) {
  // Whole chunks without a branch, so that they vectorise.
  constexpr std::size_t kChunk = 4096;
  for (std::size_t start = 0; start < count; start += kChunk) {
    const std::size_t end = std::min(count, start + kChunk);
    int found = 0;
    for (std::size_t i = start; i < end; ++i) found |= IsNan(logits[i]);
    if (found) return true;
  }
  return false;
}

inline float Cut(float value) {
  value = value < kLargest ? value : kLargest;
  return value > -kLargest ? value : -kLargest;
}

// low and high are float32 values, so both products are exact and only the sum is rounded.
inline double Mix(double low, double high, float weight) { return low * (1.0f - weight) + high * weight; }

// Where the samples of one axis of the label map lie among the logits.
struct Axis {
  // Two neighbouring logits and the samples from `begin` to before `end` between them.
  struct Cell {
    int low, high;
    int begin, end;
  };
  std::vector<Cell> cells;    // those with samples, in order
  std::vector<float> weight;  // of the high logit, for each sample
  int longest = 0;            // samples of the longest cell
};

inline Axis MakeAxis(int in, int out, bool align_corners) {
  Axis axis;
  axis.weight.resize(out);
  float rounded = static_cast<float>(in) / static_cast<float>(out);
  if (align_corners) rounded = out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1) : 0.0f;
  const double ratio = rounded;
  for (int sample = 0; sample < out; ++sample) {
    // The product is exact in double precision and then rounded once, which no compiler can fuse with the difference.
    const double product = ratio * (align_corners ? sample : sample + 0.5);
    const float position = static_cast<float>(product) - (align_corners ? 0.0f : 0.5f);
    const int low = std::min(std::max(static_cast<int>(position), 0), in - 1);
    axis.weight[sample] = low + 1 < in ? std::max(position, 0.0f) - static_cast<float>(low) : 0.0f;
    if (axis.cells.empty() || axis.cells.back().low != low)
      axis.cells.push_back({low, std::min(low + 1, in - 1), sample, sample});
    axis.cells.back().end = sample + 1;
    axis.longest = std::max(axis.longest, axis.cells.back().end - axis.cells.back().begin);
  }
  return axis;
}

// Logits [classes, height, width] or [height, width, classes].
template <typename Logit>
struct LogitMap {
  const Logit* data;
  int classes, height, width;
  Layout layout;

  std::size_t class_step() const { return layout == Layout::kNchw ? static_cast<std::size_t>(height) * width : 1; }
  std::size_t column_step() const { return layout == Layout::kNchw ? 1 : static_cast<std::size_t>(classes); }
  const Logit* row(int y) const { return data + static_cast<std::size_t>(y) * width * column_step(); }
};

// Up to kBlock neighbouring cells between two rows of logits: their corners, and the classes that can win in them.
class Block {
 public:
  explicit Block(int classes)
      : classes_(classes),
        corners_(static_cast<std::size_t>(classes) * 2 * kColumns),
        highest_(static_cast<std::size_t>(classes) * kBlock),
        candidates_(static_cast<std::size_t>(classes) * kBlock) {}

  // Loads `cells` cells from column `first` on and finds the candidates of each.
  template <typename Logit>
  void Load(const LogitMap<Logit>& map, int upper, int lower, int first, int cells) {
    const std::size_t step = map.column_step();
    const Logit* const rows[2] = {map.row(upper) + first * step, map.row(lower) + first * step};
    const int columns = std::min(cells + 1, map.width - first);
    std::fill(highest_lowest_, highest_lowest_ + kBlock, -kLargest);
    for (int c = 0; c < classes_; ++c) {
      for (int r = 0; r < 2; ++r) LoadRow(rows[r] + c * map.class_step(), step, columns, Corners(c) + r * kColumns);
      Bound(c);
    }
    Screen(cells);
  }

  // Classes that can win in a cell, in ascending order; at least one.
  const int* Candidates(int cell) const { return candidates_.data() + static_cast<std::size_t>(cell) * classes_; }
  int CandidateCount(int cell) const { return counts_[cell]; }

  // Labels of one row of a cell's samples.
  //   vertical: weight of the lower row.
  //   weights: of the right column, one a sample.
  //   best: room for one number a sample.
  template <typename Label>
  void Weigh(int cell, float vertical, const float* weights, int samples, double* best, Label* labels) const {
    std::fill(best, best + samples, -std::numeric_limits<double>::infinity());
    for (int i = 0; i < counts_[cell]; ++i) {
      const int c = Candidates(cell)[i];
      const float* const upper = Corners(c) + cell;
      const float* const lower = upper + kColumns;
      const float left = static_cast<float>(Mix(upper[0], lower[0], vertical));
      const float right = static_cast<float>(Mix(upper[1], lower[1], vertical));
      for (int s = 0; s < samples; ++s) {
        const double value = Mix(left, right, weights[s]);
        labels[s] = value > best[s] ? static_cast<Label>(c) : labels[s];
        best[s] = value > best[s] ? value : best[s];
      }
    }
  }

 private:
  static constexpr int kColumns = kBlock + 1;

  float* Corners(int c) { return corners_.data() + static_cast<std::size_t>(c) * 2 * kColumns; }
  const float* Corners(int c) const { return corners_.data() + static_cast<std::size_t>(c) * 2 * kColumns; }

  template <typename Logit>
  static void LoadRow(const Logit* from, std::size_t step, int columns, float* to) {
    if (columns == kColumns && step == 1) {
      for (int i = 0; i < kColumns; ++i) to[i] = Cut(ToFloat(from[i]));
      return;
    }
    for (int i = 0; i < columns; ++i) to[i] = Cut(ToFloat(from[i * step]));
    for (int i = columns; i < kColumns; ++i) to[i] = to[columns - 1];
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
    for (int c = 0; c < classes_; ++c) {
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
  float highest_lowest_[kBlock];  // for each cell the largest among the classes' smallest corners
  int counts_[kBlock];
};

// Labels of all samples between two rows of logits.
template <typename Logit, typename Label>
void LabelRow(const LogitMap<Logit>& map, const Axis::Cell& row, const Axis& rows, const Axis& columns, Block& block,
              double* best, Label* labels) {
  const std::size_t width = columns.weight.size();
  for (auto column = columns.cells.begin(); column != columns.cells.end();) {
    const int first = column->low;
    const int cells = std::min(kBlock, map.width - first);
    block.Load(map, row.low, row.high, first, cells);
    for (; column != columns.cells.end() && column->low < first + cells; ++column) {
      const int cell = column->low - first;
      const int samples = column->end - column->begin;
      const float* const weights = columns.weight.data() + column->begin;
      Label* out = labels + row.begin * width + column->begin;
      for (int y = row.begin; y < row.end; ++y, out += width) {
        if (block.CandidateCount(cell) == 1)
          std::fill(out, out + samples, static_cast<Label>(*block.Candidates(cell)));
        else
          block.Weigh(cell, rows.weight[y], weights, samples, best, out);
      }
    }
  }
}

}  // namespace detail

// Labels of the size of the picture from logits of a lower (or any other) resolution.
//
//   logits: float or Half, [classes, height, width] (kNchw) or [height, width, classes] (kNhwc), without gaps.
//   labels: uint8_t, uint16_t or int32_t, [out_height, out_width]; written whole, or not at all on a failure.
//   align_corners: as bilinear_interp_v2 takes it.
//   threads: 1 runs in the caller's thread alone.
template <typename Logit, typename Label>
LabelStatus UpsampleLabels(const Logit* logits, int classes, int height, int width, Layout layout, Label* labels,
                           int out_height, int out_width, bool align_corners = false, int threads = 1) {
  if (std::min({classes, height, width, out_height, out_width, threads}) < 1) return LabelStatus::kBadShape;
  if (static_cast<std::int64_t>(classes) - 1 > static_cast<std::int64_t>(std::numeric_limits<Label>::max()))
    return LabelStatus::kTooManyClasses;
  if (detail::ContainsNan(logits, static_cast<std::size_t>(classes) * height * width)) return LabelStatus::kNan;

  const detail::LogitMap<Logit> map{logits, classes, height, width, layout};
  const detail::Axis rows = detail::MakeAxis(height, out_height, align_corners);
  const detail::Axis columns = detail::MakeAxis(width, out_width, align_corners);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    detail::Block block(classes);
    std::vector<double> best(columns.longest);
    for (std::size_t index; (index = next++) < rows.cells.size();)
      detail::LabelRow(map, rows.cells[index], rows, columns, block, best.data(), labels);
  };
  std::vector<std::thread> helpers;
  const std::size_t wanted = std::min(static_cast<std::size_t>(threads), rows.cells.size());
  for (std::size_t i = 1; i < wanted; ++i) helpers.emplace_back(work);
  work();
  for (auto& helper : helpers) helper.join();
  return LabelStatus::kOk;
}

}  // namespace mobileseg

#endif  // MOBILESEG_UPSAMPLE_LABELS_H_

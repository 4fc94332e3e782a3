// Where the samples of a label map lie among the logits. Internal to upsample_labels.h.

#ifndef MOBILESEG_DETAIL_AXIS_H_
#define MOBILESEG_DETAIL_AXIS_H_

#include <algorithm>
#include <vector>

namespace mobileseg {
namespace detail {

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

}  // namespace detail
}  // namespace mobileseg

#endif  // MOBILESEG_DETAIL_AXIS_H_

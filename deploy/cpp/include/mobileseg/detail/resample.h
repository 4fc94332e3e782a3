// Where the pixels of a resized image lie in the image. Internal to preprocess.h.

#ifndef MOBILESEG_DETAIL_RESAMPLE_H_
#define MOBILESEG_DETAIL_RESAMPLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mobileseg {
namespace detail {

// The two pixels of one axis that a pixel of the resized image is mixed of, and the share of the second.
struct Tap {
  int low, high;
  float weight;
};

// OpenCV's INTER_NEAREST (resizeNN in its imgproc/src/resize.cpp): the pixel at the sample's upper left corner.
inline std::vector<Tap> NearestTaps(int in, int out) {
  std::vector<Tap> taps(out);
  const double scale = 1.0 / (static_cast<double>(out) / in);
  for (int i = 0; i < out; ++i) {
    const int at = std::min(static_cast<int>(std::floor(i * scale)), in - 1);
    taps[i] = {at, at, 0.0f};
  }
  return taps;
}

// OpenCV's INTER_LINEAR: half-pixel centres, edges repeated. Positions are kept in double precision, as on x86, where
// OpenCV leaves this to IPP; its own code (resizeGeneric, same file) rounds them to float32, which moves a weight by up
// to 2^-24 of the image's side.
inline std::vector<Tap> LinearTaps(int in, int out) {
  std::vector<Tap> taps(out);
  const double scale = static_cast<double>(in) / out;
  for (int i = 0; i < out; ++i) {
    const double position = (i + 0.5) * scale - 0.5;
    const int low = static_cast<int>(std::floor(position));
    if (low < 0 || low >= in - 1) {
      const int edge = low < 0 ? 0 : in - 1;
      taps[i] = {edge, edge, 0.0f};
    } else {
      taps[i] = {low, low + 1, static_cast<float>(position - low)};
    }
  }
  return taps;
}

// One row of an image, three channels a pixel, resized along its width.
inline void ResampleRow(const std::uint8_t* row, const std::vector<Tap>& taps, float* out) {
  for (const Tap& tap : taps) {
    const std::uint8_t* const low = row + std::size_t{3} * tap.low;
    const std::uint8_t* const high = row + std::size_t{3} * tap.high;
    for (int c = 0; c < 3; ++c) *out++ = low[c] * (1.0f - tap.weight) + high[c] * tap.weight;
  }
}

// The rows of an image, resized along their width, of which two neighbours are needed at a time, from above to below.
class ResampledRows {
 public:
  ResampledRows(const std::uint8_t* image, std::size_t row_bytes, const std::vector<Tap>& columns)
      : image_(image), row_bytes_(row_bytes), columns_(columns) {
    for (auto& values : values_) values.resize(3 * columns.size());
  }

  // Valid until two other rows have been asked for.
  const float* Row(int y) {
    for (int i = 0; i < 2; ++i)
      if (rows_[i] == y) return Use(i);
    const int i = 1 - last_;
    ResampleRow(image_ + static_cast<std::size_t>(y) * row_bytes_, columns_, values_[i].data());
    rows_[i] = y;
    return Use(i);
  }

 private:
  const float* Use(int i) {
    last_ = i;
    return values_[i].data();
  }

  const std::uint8_t* image_;
  std::size_t row_bytes_;
  const std::vector<Tap>& columns_;
  std::vector<float> values_[2];
  int rows_[2] = {-1, -1};
  int last_ = 0;
};

}  // namespace detail
}  // namespace mobileseg

#endif  // MOBILESEG_DETAIL_RESAMPLE_H_

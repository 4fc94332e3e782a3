// The input of a network, made of an image as PaddleSeg's evaluation makes it.
//
// A converted network takes one size, and images come in others. The file beside a model, `.nb.json`, says under
// `input.preprocessing` what to do, and `Preprocessing` below has its names. An image gets a frame in the upper left
// corner of the input: all of it ("stretch"), or the size that PaddleSeg's transforms give, which keep the image's
// ratio. Where the input cannot hold that, it is the largest frame of the image's ratio that the input can. The rest is
// padding, to the right and below. A label map shows it too; `FrameSize` says which part of it is the image.
//
// The elements are those of the Python side (`paddleseg_mobileseg.data.preprocessing`) and of PaddleSeg within 1e-5:
//  - Pixels are resized as float32, as PaddleSeg does, by the rules of OpenCV's INTER_LINEAR (that of its x86 builds;
//    its others round coordinates to float32 and differ by a few 1e-4) and INTER_NEAREST. Its other interpolations are
//    not there: an image that needs them is prepared by OpenCV itself.
//  - Then each is normalised, (pixel / 255 - mean) / std.
//
// Memory: O(width of the image + height and width of the input), beside input and image.
//
// Header only (this file and the folder detail beside it), C++17, no dependencies. Do not compile with -ffast-math.

#ifndef MOBILESEG_PREPROCESS_H_
#define MOBILESEG_PREPROCESS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "detail/resample.h"

namespace mobileseg {

enum class Resize {
  kStretch,    // the whole input, whatever the image's ratio
  kKeepRatio,  // as large as long_side and short_side allow, then up to a multiple of size_divisor
  kShortSide,  // short_side, unless the long side would exceed long_side
  kLimitLong,  // the long side between min_long_side and long_side
  kFactor,     // factor times as large
  kNone,       // the image's own size
};

enum class Interpolation { kLinear, kNearest };

enum class ChannelOrder { kRgb, kBgr };

struct Preprocessing {
  int height = 0, width = 0;             // of the network's input
  float mean[3] = {}, std[3] = {};       // in the order of channel_order
  Resize resize = Resize::kStretch;
  Interpolation interpolation = Interpolation::kLinear;
  int long_side = 0, short_side = 0;     // pixels; 0 (null in the file) is no such bound
  int min_long_side = 0, size_divisor = 0;
  double factor = 0;                     // for kFactor
  float padding_value = 127.5f;
  bool padding_normalized = false;       // padding_value is an element, not a pixel
  ChannelOrder channel_order = ChannelOrder::kRgb;  // of the input's planes
};

struct ImageSize {
  int height, width;
};

enum class PreprocessStatus {
  kOk,
  kBadShape,     // a size is not positive, or a row is shorter than its pixels
  kBadSettings,  // a std is 0, or `resize` lacks the number that it needs
};

namespace detail {

// Halves go to the even neighbour, as Python's round has it. An image may be so thin that nothing would be left of it.
inline int ScaledSide(int side, double scale) {
  const double scaled = std::nearbyint(side * scale);
  return static_cast<int>(std::min(std::max(scaled, 1.0), 1e9));
}

inline double FreeScale(const Preprocessing& how, int height, int width) {
  const double longer = std::max(height, width), shorter = std::min(height, width);
  const double none = std::numeric_limits<double>::infinity();
  const double most = how.long_side > 0 ? how.long_side : none;
  switch (how.resize) {
    case Resize::kKeepRatio:
      return std::min(most / longer, (how.short_side > 0 ? how.short_side : none) / shorter);
    case Resize::kShortSide: {
      const bool fits = how.short_side / shorter * longer <= most;
      return (fits ? how.short_side : std::floor(most / longer * shorter)) / shorter;
    }
    case Resize::kLimitLong:
      return std::min(std::max(longer, static_cast<double>(how.min_long_side)), most) / longer;
    case Resize::kFactor:
      return how.factor;
    default:
      return 1.0;
  }
}

// A pixel's value as an element of a plane.
inline float Normalised(const Preprocessing& how, int plane, float value) {
  return (value / 255.0f - how.mean[plane]) / how.std[plane];
}

}  // namespace detail

// Whether there is no std of 0, and every number that `resize` needs.
inline bool IsComplete(const Preprocessing& how) {
  for (const float value : how.std)
    if (value == 0.0f) return false;
  if (std::min({how.long_side, how.short_side, how.min_long_side, how.size_divisor}) < 0) return false;
  if (how.resize == Resize::kKeepRatio) return how.long_side > 0 || how.short_side > 0;
  if (how.resize == Resize::kShortSide) return how.short_side > 0;
  return how.resize != Resize::kFactor || how.factor > 0;
}

// The part of the input, from its upper left corner, that an image of this size gets.
inline ImageSize FrameSize(const Preprocessing& how, int height, int width) {
  if (how.resize == Resize::kStretch) return {how.height, how.width};
  double scale = detail::FreeScale(how, height, width);
  const std::int64_t step = std::max(how.size_divisor, 1);
  const std::int64_t rows = (detail::ScaledSide(height, scale) + step - 1) / step * step;
  const std::int64_t columns = (detail::ScaledSide(width, scale) + step - 1) / step * step;
  if (rows <= how.height && columns <= how.width) return {static_cast<int>(rows), static_cast<int>(columns)};
  scale = std::min(static_cast<double>(how.height) / height, static_cast<double>(how.width) / width);
  return {std::min(detail::ScaledSide(height, scale), how.height),
          std::min(detail::ScaledSide(width, scale), how.width)};
}

// Makes the network's input of an image.
//
//   image: red, green and blue of each pixel, [height, width, 3].
//   row_bytes: from one row of the image to the next; 0 where there is no gap.
//   input: float32 [1, 3, how.height, how.width]; written whole, or not at all on a failure.
inline PreprocessStatus Preprocess(const Preprocessing& how, const std::uint8_t* image, int height, int width,
                                   float* input, std::size_t row_bytes = 0) {
  if (std::min({height, width, how.height, how.width}) < 1) return PreprocessStatus::kBadShape;
  if (row_bytes == 0) row_bytes = std::size_t{3} * width;
  if (row_bytes < std::size_t{3} * width) return PreprocessStatus::kBadShape;
  if (!IsComplete(how)) return PreprocessStatus::kBadSettings;

  const ImageSize frame = FrameSize(how, height, width);
  const auto taps = how.interpolation == Interpolation::kLinear ? detail::LinearTaps : detail::NearestTaps;
  const std::vector<detail::Tap> columns = taps(width, frame.width), lines = taps(height, frame.height);
  const std::size_t plane_size = static_cast<std::size_t>(how.height) * how.width;
  float padding[3];
  for (int plane = 0; plane < 3; ++plane) {
    padding[plane] = how.padding_normalized ? how.padding_value : detail::Normalised(how, plane, how.padding_value);
    float* const begin = input + plane * plane_size;
    std::fill(begin + static_cast<std::size_t>(frame.height) * how.width, begin + plane_size, padding[plane]);
  }
  detail::ResampledRows rows(image, row_bytes, columns);
  float* row = input;
  for (const detail::Tap& line : lines) {
    const float* const upper = rows.Row(line.low);
    const float* const lower = rows.Row(line.high);
    for (int plane = 0; plane < 3; ++plane) {
      float* const out = row + plane * plane_size;
      const int channel = how.channel_order == ChannelOrder::kRgb ? plane : 2 - plane;
      for (int x = 0; x < frame.width; ++x) {
        const float value = upper[3 * x + channel] * (1.0f - line.weight) + lower[3 * x + channel] * line.weight;
        out[x] = detail::Normalised(how, plane, value);
      }
      std::fill(out + frame.width, out + how.width, padding[plane]);
    }
    row += how.width;
  }
  return PreprocessStatus::kOk;
}

}  // namespace mobileseg

#endif  // MOBILESEG_PREPROCESS_H_

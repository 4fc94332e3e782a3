// The command line.

#ifndef MOBILESEG_BENCH_OPTIONS_H_
#define MOBILESEG_BENCH_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "mobileseg/preprocess.h"

namespace mobileseg_bench {

struct Options {
  std::string model;
  std::vector<std::int64_t> input_shape;  // N, C, H, W
  std::vector<std::string> inputs;  // these or images, not both
  std::vector<std::string> images;
  std::vector<mobileseg::ImageSize> image_sizes;  // of each image, or one for all
  mobileseg::Preprocessing preprocessing;         // of the images
  int warmup = 20;
  double warmup_seconds = 0;
  int repeats = 50;
  double min_seconds = 0;
  int threads = 1;
  std::string power_mode;  // after parsing never empty
  std::vector<int> cores;  // empty: wherever the system puts it
  std::string labels = "none";
  std::vector<int> label_size;  // height, width; empty unless labels is "exact"
  bool align_corners = false;
  std::vector<std::string> outputs;  // none, or one for each input
  std::string write;                 // after parsing "labels", "tensor" or "input"

  // The inputs or images, whichever are there.
  const std::vector<std::string>& Files() const { return images.empty() ? inputs : images; }

  // Elements of one input.
  std::int64_t InputElements() const;
};

// Throws BadInput: an unknown flag, a missing one, a value that makes no sense, or two that exclude each other.
Options ParseOptions(const std::vector<std::string>& arguments);

// What --help prints.
std::string Usage();

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_OPTIONS_H_

// Labels from what the network gave.

#ifndef MOBILESEG_BENCH_LABEL_MAP_H_
#define MOBILESEG_BENCH_LABEL_MAP_H_

#include <cstdint>
#include <vector>

#include "network.h"
#include "options.h"

namespace mobileseg_bench {

// Throws Failure: a floating-point output holds a NaN.
void CheckNumbers(const Output& output);

// [N, height, width] in the narrowest of uint8, uint16 and int32 that holds every class (exact), or the network's
// own shape in int32 (graph).
class LabelMap {
 public:
  // Checks that `output` can become labels the way the options say, and makes room for them.
  // Throws BadInput: it cannot.
  LabelMap(const Options& options, const Output& output);

  // Throws Failure: a logit is NaN, or a label of the graph is no class number.
  void Compute(const Output& output);

  const char* dtype() const;
  const std::vector<std::int64_t>& shape() const { return shape_; }
  const void* data() const { return bytes_.data(); }
  std::size_t size_in_bytes() const { return bytes_.size(); }
  int ClassesPresent() const;

 private:
  template <typename Label>
  void Upsample(const Output& output);
  template <typename Label>
  int CountClasses() const;

  bool exact_;
  bool align_corners_;
  int threads_;
  std::size_t label_bytes_;
  std::vector<std::int64_t> shape_;
  std::vector<unsigned char> bytes_;
};

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_LABEL_MAP_H_

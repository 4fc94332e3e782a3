// A model loaded by Paddle-Lite: the only place that knows its API. It tells nothing of single operators: their times are
// printed by a library that was built with LITE_WITH_PROFILE, and by no other, as it unloads the model.

#ifndef MOBILESEG_BENCH_NETWORK_H_
#define MOBILESEG_BENCH_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "options.h"

namespace mobileseg_bench {

enum class DType { kFloat32, kFloat16, kFloat64, kInt64, kInt32, kInt16, kInt8, kUint8 };

const char* NameOf(DType dtype);
std::size_t SizeOf(DType dtype);

// The library's own memory: it lasts until the next run.
struct Output {
  DType dtype;
  std::vector<std::int64_t> shape;
  const void* data;

  std::int64_t Elements() const;
  std::size_t Bytes() const { return static_cast<std::size_t>(Elements()) * SizeOf(dtype); }
};

class Network {
 public:
  // Loads the model. Throws Failure.
  explicit Network(const Options& options);
  ~Network();

  double init_ms() const { return init_ms_; }
  std::string LibraryVersion() const;

  void SetInput(const std::vector<float>& values);

  // Milliseconds. Throws Failure.
  double Run();

  // Throws Failure: there is none, or it is empty or of a type that has no name here.
  Output FirstOutput() const;

 private:
  struct Predictor;
  std::unique_ptr<Predictor> predictor_;
  std::vector<std::int64_t> input_shape_;
  double init_ms_;
};

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_NETWORK_H_

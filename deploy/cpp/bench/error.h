// The two ways to fail, by the exit status that they end in.

#ifndef MOBILESEG_BENCH_ERROR_H_
#define MOBILESEG_BENCH_ERROR_H_

#include <stdexcept>

namespace mobileseg_bench {

// A flag, a file or a model that cannot be used: the caller can fix it. Exit status 2.
struct BadInput : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The library failed, gave an unusable result, or the result could not be written. Exit status 1.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_ERROR_H_

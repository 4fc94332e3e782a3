// Time.

#ifndef MOBILESEG_BENCH_CLOCK_H_
#define MOBILESEG_BENCH_CLOCK_H_

#include <chrono>

namespace mobileseg_bench {

using Clock = std::chrono::steady_clock;

inline double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_CLOCK_H_

// What is said of a series of times. The same definitions as in paddleseg_mobileseg/deploy/runtime/records.py.

#ifndef MOBILESEG_BENCH_STATISTICS_H_
#define MOBILESEG_BENCH_STATISTICS_H_

#include <vector>

namespace mobileseg_bench {

struct Summary {
  double min, median, mean;
  double p90;     // the smallest sample that 90 % of them do not exceed
  double p99;     // the same for 99 %
  double stddev;  // of the sample (n - 1); 0 for one sample
};

// samples: at least one.
Summary Summarise(std::vector<double> samples);

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_STATISTICS_H_

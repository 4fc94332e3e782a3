#include "statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mobileseg_bench {

Summary Summarise(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t count = samples.size(), middle = count / 2;
  Summary summary;
  summary.min = samples.front();
  summary.median = count % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
  summary.mean = std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(count);
  summary.p90 = samples[(count * 9 + 9) / 10 - 1];
  summary.p99 = samples[(count * 99 + 99) / 100 - 1];
  double squares = 0;
  for (const double sample : samples) squares += (sample - summary.mean) * (sample - summary.mean);
  summary.stddev = count > 1 ? std::sqrt(squares / static_cast<double>(count - 1)) : 0.0;
  return summary;
}

}  // namespace mobileseg_bench

// The measurement: which runs are made, and what is kept of them.

#ifndef MOBILESEG_BENCH_MEASUREMENT_H_
#define MOBILESEG_BENCH_MEASUREMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "device.h"
#include "options.h"
#include "process.h"

namespace mobileseg_bench {

// A set of runs. Milliseconds, one a run; label_map_ms is empty where no label map is computed beside the network.
struct Times {
  std::vector<double> network_ms, label_map_ms;
  std::vector<int> cores;  // on which each run ended; -1 where the kernel does not tell
  int migrations = 0;      // runs that ended on another core than they began on
  ProcessUsage used;              // by the runs, without what lies between them
};

// Where the runs that count were made.
struct Placement {
  std::vector<int> allowed_cores;
  std::vector<Frequency> before, after;  // of these cores
};

struct Result {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::string digest;                // of the bytes for all inputs, in their order
  std::vector<std::string> digests;  // of each
};

struct Measurement {
  std::string library_version;
  double init_ms;
  Times first_pass;  // the first run of every input; its first is the very first run
  Times warmup, samples;
  Result output;
  std::optional<Result> label_map;
  std::optional<std::vector<int>> classes_present;
  std::optional<Temperature> before, after;
  Placement placement;
  std::int64_t peak_memory_bytes;  // after the first pass, which holds one input at a time
};

// Loads the model, runs every input once and writes what was asked for, then times. Only the network and the label
// core are inside a time; inputs are copied, outputs looked at and files written outside.
// Throws BadInput and Failure.
Measurement Measure(const Options& options);

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_MEASUREMENT_H_

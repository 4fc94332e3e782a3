// What the kernel says of this process: time computed, memory held, the cores it is on, the files it runs.

#ifndef MOBILESEG_BENCH_PROCESS_H_
#define MOBILESEG_BENCH_PROCESS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mobileseg_bench {

// Of all threads.
struct ProcessUsage {
  double cpu_ms = 0;
  std::int64_t voluntary_switches = 0;    // it had to wait
  std::int64_t involuntary_switches = 0;  // something else got the core
};

// Adds what is used in its lifetime to `*to`.
class Meter {
 public:
  explicit Meter(ProcessUsage* to);
  ~Meter();
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

 private:
  ProcessUsage before_;
  ProcessUsage* to_;
};

// The core that the calling thread is on; -1 if the kernel does not tell.
int CurrentCore();

// The cores that the calling thread may run on.
std::vector<int> AllowedCores();

// The most that the process has held until now.
std::int64_t PeakMemoryBytes();

// The GNU build id of a file that this process runs, in hexadecimal digits; absent if it is not loaded or has none.
//   library: how its file is called; "" for the program.
std::optional<std::string> BuildId(const std::string& library);

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_PROCESS_H_

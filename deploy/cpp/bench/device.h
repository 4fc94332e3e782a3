// What the program runs on. Whatever cannot be read is absent: phones differ in what they let a program see.

#ifndef MOBILESEG_BENCH_DEVICE_H_
#define MOBILESEG_BENCH_DEVICE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mobileseg_bench {

struct Core {
  int cpu;
  std::optional<std::string> type;      // "Cortex-A76", "Kryo 485 Gold", or the numbers of one not known by name
  std::optional<std::int64_t> max_khz;  // what it can do
  std::optional<std::int64_t> limit_khz;  // what it is allowed now; lower if the phone is hot or saves its battery
  std::optional<std::string> governor;
};

struct Device {
  std::optional<std::string> brand, model, soc, android, kernel;
  std::optional<int> api_level;
  std::optional<bool> fp16, dot_product;  // instructions of ARMv8.2; absent on other processors
  std::vector<Core> cores;
};

// The hottest of the sensors that matter most: those of the CPU, or else of the SoC.
struct Temperature {
  std::string sensor;
  double celsius;
};

// How fast a core runs at a moment.
struct Frequency {
  int cpu;
  std::int64_t khz;
};

// Value of an Android system property; empty if there is none.
using Properties = std::function<std::string(const char* name)>;

// Those of this system; without Android there are none.
std::string SystemProperty(const char* name);

// root: "" for this system; a folder with `proc` and `sys` inside for another.
Device DescribeDevice(const std::string& root, const Properties& property);
std::optional<Temperature> ReadTemperature(const std::string& root);

// Of those of these cores that tell it.
std::vector<Frequency> ReadFrequencies(const std::string& root, const std::vector<int>& cores);

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_DEVICE_H_

#include "measurement.h"

#include <sys/resource.h>

#include <cstdlib>
#include <fstream>

#include "clock.h"
#include "digest.h"
#include "error.h"
#include "files.h"
#include "inputs.h"
#include "label_map.h"
#include "network.h"

namespace mobileseg_bench {
namespace {

// The kernel's own record. getrusage counts what the process was before it became this program, too.
std::int64_t PeakMemoryBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.compare(0, 6, "VmHWM:") == 0) return std::strtoll(line.c_str() + 6, nullptr, 10) * 1024;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

class ResultOfAll {
 public:
  void Add(const void* data, std::size_t bytes) {
    Digest one;
    one.Add(data, bytes);
    all_.Add(data, bytes);
    digests_.push_back(one.Text());
  }
  Result Of(const char* dtype, const std::vector<std::int64_t>& shape) const {
    return {dtype, shape, all_.Text(), digests_};
  }

 private:
  Digest all_;
  std::vector<std::string> digests_;
};

class Session {
 public:
  explicit Session(const Options& options) : options_(options), network_(options) {}

  Measurement Run() {
    Measurement measurement;
    measurement.init_ms = network_.init_ms();
    measurement.library_version = network_.LibraryVersion();
    measurement.before = ReadTemperature("");
    FirstPass(measurement);
    for (int i = 0; i < options_.warmup; ++i) TakeTurn(i, measurement.warmup);
    const auto start = Clock::now();
    for (int i = 0; i < options_.repeats || MillisecondsSince(start) < options_.min_seconds * 1e3; ++i)
      TakeTurn(i, measurement.samples);
    measurement.after = ReadTemperature("");
    measurement.peak_memory_bytes = PeakMemoryBytes();
    return measurement;
  }

 private:
  // Inputs are kept only if they are needed again: hundreds of images may come to be labelled.
  bool Timed() const { return options_.warmup > 0 || options_.repeats > 0 || options_.min_seconds > 0; }

  void FirstPass(Measurement& measurement) {
    ResultOfAll outputs, label_maps;
    for (std::size_t i = 0; i < options_.Files().size(); ++i) {
      std::vector<float> input = LoadInput(options_, i);
      const Output output = RunOnce(input, measurement.first_pass);
      CheckNumbers(output);
      // What the graph computed only has to be looked at, and that once.
      if (options_.labels == "graph") PrepareLabelMap(output).Compute(output);
      outputs.Add(output.data, output.Bytes());
      measurement.output = outputs.Of(NameOf(output.dtype), output.shape);
      if (label_map_) {
        if (i == 0) measurement.classes_present.emplace();
        measurement.classes_present->push_back(label_map_->ClassesPresent());
        label_maps.Add(label_map_->data(), label_map_->size_in_bytes());
        measurement.label_map = label_maps.Of(label_map_->dtype(), label_map_->shape());
      }
      if (!options_.outputs.empty()) Write(options_.outputs[i], input, output);
      if (Timed()) inputs_.push_back(std::move(input));
    }
  }

  void Write(const std::string& path, const std::vector<float>& input, const Output& output) const {
    if (options_.write == "input")
      WriteOutput(path, input.data(), input.size() * sizeof(float));
    else if (options_.write == "labels")
      WriteOutput(path, label_map_->data(), label_map_->size_in_bytes());
    else
      WriteOutput(path, output.data, output.Bytes());
  }

  void TakeTurn(int turn, Times& times) { RunOnce(inputs_[static_cast<std::size_t>(turn) % inputs_.size()], times); }

  Output RunOnce(const std::vector<float>& input, Times& times) {
    network_.SetInput(input);
    times.network_ms.push_back(network_.Run());
    const Output output = network_.FirstOutput();
    if (options_.labels == "exact") {
      LabelMap& label_map = PrepareLabelMap(output);
      const auto start = Clock::now();
      label_map.Compute(output);
      times.label_map_ms.push_back(MillisecondsSince(start));
    }
    return output;
  }

  LabelMap& PrepareLabelMap(const Output& output) {
    if (!label_map_) label_map_.emplace(options_, output);
    return *label_map_;
  }

  const Options& options_;
  Network network_;
  std::optional<LabelMap> label_map_;
  std::vector<std::vector<float>> inputs_;
};

}  // namespace

Measurement Measure(const Options& options) { return Session(options).Run(); }

}  // namespace mobileseg_bench

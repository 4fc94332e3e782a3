#include "measurement.h"

#include "clock.h"
#include "digest.h"
#include "error.h"
#include "files.h"
#include "inputs.h"
#include "label_map.h"
#include "network.h"

namespace mobileseg_bench {
namespace {

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
    measurement.peak_memory_bytes = PeakMemoryBytes();
    LoadInputs();
    TakeTurns(options_.warmup, options_.warmup_seconds, measurement.warmup);
    // Paddle-Lite chooses its cores when it first runs.
    measurement.placement.allowed_cores = AllowedCores();
    measurement.placement.before = ReadFrequencies("", measurement.placement.allowed_cores);
    TakeTurns(options_.repeats, options_.min_seconds, measurement.samples);
    measurement.placement.after = ReadFrequencies("", measurement.placement.allowed_cores);
    measurement.after = ReadTemperature("");
    return measurement;
  }

 private:
  // Inputs are kept for the runs that are timed only: hundreds of images may come to be labelled, and what the network
  // needs is to be seen apart from them.
  void LoadInputs() {
    if (options_.warmup == 0 && options_.warmup_seconds == 0 && options_.repeats == 0 && options_.min_seconds == 0)
      return;
    for (std::size_t i = 0; i < options_.Files().size(); ++i) inputs_.push_back(LoadInput(options_, i));
  }

  void FirstPass(Measurement& measurement) {
    ResultOfAll outputs, label_maps;
    for (std::size_t i = 0; i < options_.Files().size(); ++i) {
      const std::vector<float> input = LoadInput(options_, i);
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

  // At least `runs`, and for at least so many seconds.
  void TakeTurns(int runs, double seconds, Times& times) {
    const auto start = Clock::now();
    for (int i = 0; i < runs || MillisecondsSince(start) < seconds * 1e3; ++i)
      RunOnce(inputs_[static_cast<std::size_t>(i) % inputs_.size()], times);
  }

  Output RunOnce(const std::vector<float>& input, Times& times) {
    network_.SetInput(input);
    const int core = CurrentCore();
    {
      const Meter meter(&times.used);
      times.network_ms.push_back(network_.Run());
    }
    const Output output = network_.FirstOutput();
    if (options_.labels == "exact") {
      LabelMap& label_map = PrepareLabelMap(output);
      const Meter meter(&times.used);
      const auto start = Clock::now();
      label_map.Compute(output);
      times.label_map_ms.push_back(MillisecondsSince(start));
    }
    times.cores.push_back(CurrentCore());
    times.migrations += times.cores.back() != core;
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

#include "report.h"

#include "statistics.h"
#include "version.h"

namespace mobileseg_bench {
namespace {

constexpr int kSchema = 3;

// What `ToJson` of an empty optional gives, for members that are absent as a whole.
using Absent = std::optional<JsonObject>;

JsonObject ToObject(const Times& times) {
  return JsonObject()
      .Add("network_ms", times.network_ms)
      .Add("label_map_ms", times.label_map_ms)
      .Add("cores", times.cores)
      .Add("migrations", times.migrations)
      .Add("cpu_time_ms", times.used.cpu_ms)
      .Add("voluntary_switches", times.used.voluntary_switches)
      .Add("involuntary_switches", times.used.involuntary_switches);
}

JsonObject ToObject(const Result& result) {
  return JsonObject()
      .Add("dtype", result.dtype)
      .Add("shape", result.shape)
      .Add("digest", result.digest)
      .Add("digests", result.digests);
}

Absent SummaryOf(const std::vector<double>& samples) {
  if (samples.empty()) return std::nullopt;
  const Summary summary = Summarise(samples);
  return JsonObject()
      .Add("min_ms", summary.min)
      .Add("median_ms", summary.median)
      .Add("mean_ms", summary.mean)
      .Add("p90_ms", summary.p90)
      .Add("p99_ms", summary.p99)
      .Add("stddev_ms", summary.stddev);
}

JsonObject SummaryOf(const Times& times) {
  std::vector<double> end_to_end = times.network_ms;
  for (std::size_t i = 0; i < times.label_map_ms.size(); ++i) end_to_end[i] += times.label_map_ms[i];
  return JsonObject()
      .Add("network", SummaryOf(times.network_ms))
      .Add("label_map", SummaryOf(times.label_map_ms))
      .Add("end_to_end", SummaryOf(end_to_end));
}

JsonObject ConfigurationOf(const Options& options) {
  const auto size = options.label_size.empty() ? std::nullopt : std::make_optional(options.label_size);
  std::vector<std::vector<int>> image_sizes;
  for (const mobileseg::ImageSize& image : options.image_sizes) image_sizes.push_back({image.height, image.width});
  return JsonObject()
      .Add("model", options.model)
      .Add("input_shape", options.input_shape)
      .Add("inputs", options.Files())
      .Add("image_sizes", image_sizes)
      .Add("warmup", options.warmup)
      .Add("warmup_seconds", options.warmup_seconds)
      .Add("repeats", options.repeats)
      .Add("min_seconds", options.min_seconds)
      .Add("threads", options.threads)
      .Add("power_mode", options.power_mode)
      .Add("cores", options.cores)
      .Add("labels", options.labels)
      .Add("label_size", size)
      .Add("align_corners", options.align_corners)
      .Add("outputs", options.outputs)
      .Add("write", options.write);
}

JsonObject FirstOf(const Times& times) {
  const auto label_map = times.label_map_ms.empty() ? std::nullopt : std::make_optional(times.label_map_ms.front());
  return JsonObject().Add("network_ms", times.network_ms.front()).Add("label_map_ms", label_map);
}

std::vector<JsonObject> ToObjects(const std::vector<Frequency>& frequencies) {
  std::vector<JsonObject> objects;
  for (const Frequency& each : frequencies)
    objects.push_back(JsonObject().Add("cpu", each.cpu).Add("khz", each.khz));
  return objects;
}

}  // namespace

JsonObject PlacementBlock(const Placement& placement) {
  return JsonObject()
      .Add("allowed_cores", placement.allowed_cores)
      .Add("before", ToObjects(placement.before))
      .Add("after", ToObjects(placement.after));
}

JsonObject DeviceBlock(const Device& device, const std::optional<Temperature>& before,
                       const std::optional<Temperature>& after) {
  std::vector<JsonObject> cores;
  for (const Core& core : device.cores)
    cores.push_back(JsonObject()
                        .Add("cpu", core.cpu)
                        .Add("type", core.type)
                        .Add("max_khz", core.max_khz)
                        .Add("limit_khz", core.limit_khz)
                        .Add("governor", core.governor));
  const auto celsius = [](const std::optional<Temperature>& reading) {
    return reading ? std::make_optional(reading->celsius) : std::nullopt;
  };
  const auto sensor = before ? std::make_optional(before->sensor) : std::nullopt;
  return JsonObject()
      .Add("brand", device.brand)
      .Add("model", device.model)
      .Add("soc", device.soc)
      .Add("android", device.android)
      .Add("api_level", device.api_level)
      .Add("kernel", device.kernel)
      .Add("fp16", device.fp16)
      .Add("dot_product", device.dot_product)
      .Add("cores", cores)
      .Add("temperature_c",
           JsonObject().Add("before", celsius(before)).Add("after", celsius(after)).Add("sensor", sensor));
}

std::string Report(const Options& options, const std::string& model_opt_version, const Measurement& measurement,
                   const Device& device) {
  const Absent label_map = measurement.label_map ? Absent(ToObject(*measurement.label_map)) : std::nullopt;
  return JsonObject()
      .Add("schema", kSchema)
      .Add("program", JsonObject()
                          .Add("name", "mobileseg_bench")
                          .Add("version", kVersion)
                          .Add("abi", kAbi)
                          .Add("compiler", kCompiler)
                          .Add("build_id", BuildId("")))
      .Add("library_version", measurement.library_version)
      .Add("library_build_id", BuildId("libpaddle_light_api_shared.so"))
      .Add("model_opt_version", model_opt_version)
      .Add("configuration", ConfigurationOf(options))
      .Add("init_ms", measurement.init_ms)
      .Add("first", FirstOf(measurement.first_pass))
      .Add("first_pass", ToObject(measurement.first_pass))
      .Add("warmup", ToObject(measurement.warmup))
      .Add("samples", ToObject(measurement.samples))
      .Add("summary", SummaryOf(measurement.samples))
      .Add("peak_memory_bytes", measurement.peak_memory_bytes)
      .Add("placement", PlacementBlock(measurement.placement))
      .Add("output", ToObject(measurement.output))
      .Add("label_map", label_map)
      .Add("classes_present", measurement.classes_present)
      .Add("device", DeviceBlock(device, measurement.before, measurement.after))
      .Text();
}

}  // namespace mobileseg_bench

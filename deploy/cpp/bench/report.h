// The program's answer: one line of JSON, schema 3.

#ifndef MOBILESEG_BENCH_REPORT_H_
#define MOBILESEG_BENCH_REPORT_H_

#include <string>

#include "device.h"
#include "json.h"
#include "measurement.h"
#include "options.h"

namespace mobileseg_bench {

JsonObject DeviceBlock(const Device& device, const std::optional<Temperature>& before,
                       const std::optional<Temperature>& after);

JsonObject PlacementBlock(const Placement& placement);

std::string Report(const Options& options, const std::string& model_opt_version, const Measurement& measurement,
                   const Device& device);

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_REPORT_H_

// What a phone's kernel says of itself: /proc/cpuinfo, and the files of /sys on cores and sensors.

#include <fuzzer/FuzzedDataProvider.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "device.h"
#include "report.h"

namespace {

const char* const kFolders[] = {"",
                                "/proc",
                                "/sys",
                                "/sys/devices",
                                "/sys/devices/system",
                                "/sys/devices/system/cpu",
                                "/sys/devices/system/cpu/cpu0",
                                "/sys/devices/system/cpu/cpu0/cpufreq",
                                "/sys/class",
                                "/sys/class/thermal",
                                "/sys/class/thermal/thermal_zone0"};
const char* const kFiles[] = {"/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq",
                              "/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq",
                              "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
                              "/sys/devices/system/cpu/possible",
                              "/sys/class/thermal/thermal_zone0/type",
                              "/sys/class/thermal/thermal_zone0/temp",
                              "/proc/cpuinfo"};

const std::string& Root() {
  static const std::string root = [] {
    const std::string path = "/tmp/mobileseg_fuzz_root_" + std::to_string(getpid());
    for (const char* const folder : kFolders) mkdir((path + folder).c_str(), 0700);
    return path;
  }();
  return root;
}

void Write(const char* name, const std::string& content) {
  std::FILE* const file = std::fopen((Root() + name).c_str(), "wb");
  std::fwrite(content.data(), 1, content.size(), file);
  std::fclose(file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider provider(data, size);
  const std::string property = provider.ConsumeRandomLengthString(40);
  for (const char* const name : kFiles)
    Write(name, std::string(name) == "/proc/cpuinfo" ? provider.ConsumeRemainingBytesAsString()
                                                     : provider.ConsumeRandomLengthString(40));
  const auto temperature = mobileseg_bench::ReadTemperature(Root());
  const auto device = mobileseg_bench::DescribeDevice(Root(), [&](const char*) { return property; });
  if (mobileseg_bench::DeviceBlock(device, temperature, temperature).Text().empty()) __builtin_trap();
  return 0;
}

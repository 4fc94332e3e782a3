#include "device.h"

#include <dirent.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#ifdef __ANDROID__
#include <sys/system_properties.h>
#endif

namespace mobileseg_bench {
namespace {

std::optional<std::string> Trimmed(std::string text) {
  const auto blank = [](char c) { return std::isspace(static_cast<unsigned char>(c)) || c == '\0'; };
  while (!text.empty() && blank(text.back())) text.pop_back();
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), blank));
  return text.empty() ? std::nullopt : std::make_optional(text);
}

std::optional<std::string> ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return std::nullopt;
  return Trimmed(text.str());
}

std::optional<std::int64_t> ToInteger(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  char* end = nullptr;
  const long long value = std::strtoll(text->c_str(), &end, 0);
  return *end == '\0' ? std::make_optional<std::int64_t>(value) : std::nullopt;
}

// The numbers behind `prefix` in the names of a folder's entries, in order.
std::set<int> Numbered(const std::string& folder, const std::string& prefix) {
  std::set<int> numbers;
  DIR* const entries = opendir(folder.c_str());
  if (!entries) return numbers;
  while (const dirent* entry = readdir(entries)) {
    const std::string name = entry->d_name, digits = name.substr(std::min(prefix.size(), name.size()));
    if (name.compare(0, prefix.size(), prefix) == 0 && !digits.empty() && digits.size() < 6 &&
        std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c); }))
      numbers.insert(std::atoi(digits.c_str()));
  }
  closedir(entries);
  return numbers;
}

using Fields = std::map<std::string, std::string>;

struct CpuInfo {
  std::map<int, Fields> cores;
  Fields common;  // the last value of every field, which is all there is for those that no core owns
};

CpuInfo ReadCpuInfo(const std::string& root) {
  CpuInfo info;
  std::ifstream file(root + "/proc/cpuinfo");
  int core = -1;
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) {
      core = -1;
      continue;
    }
    const std::string key = Trimmed(line.substr(0, colon)).value_or("");
    const std::string value = Trimmed(line.substr(colon + 1)).value_or("");
    if (key == "processor") core = std::atoi(value.c_str());
    if (core >= 0) info.cores[core][key] = value;
    info.common[key] = value;
  }
  return info;
}

std::optional<std::string> Field(const Fields& fields, const char* name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::nullopt : Trimmed(found->second);
}

// Implementer and part numbers from the processors' reference manuals (MIDR_EL1).
std::optional<std::string> CoreType(const Fields& fields) {
  static const std::map<std::pair<std::int64_t, std::int64_t>, const char*> names = {
      {{0x41, 0xc07}, "Cortex-A7"},      {{0x41, 0xc09}, "Cortex-A9"},      {{0x41, 0xc0f}, "Cortex-A15"},
      {{0x41, 0xd03}, "Cortex-A53"},     {{0x41, 0xd04}, "Cortex-A35"},     {{0x41, 0xd05}, "Cortex-A55"},
      {{0x41, 0xd07}, "Cortex-A57"},     {{0x41, 0xd08}, "Cortex-A72"},     {{0x41, 0xd09}, "Cortex-A73"},
      {{0x41, 0xd0a}, "Cortex-A75"},     {{0x41, 0xd0b}, "Cortex-A76"},     {{0x41, 0xd0d}, "Cortex-A77"},
      {{0x41, 0xd41}, "Cortex-A78"},     {{0x41, 0xd44}, "Cortex-X1"},      {{0x41, 0xd46}, "Cortex-A510"},
      {{0x41, 0xd47}, "Cortex-A710"},    {{0x41, 0xd48}, "Cortex-X2"},      {{0x41, 0xd4d}, "Cortex-A715"},
      {{0x41, 0xd4e}, "Cortex-X3"},      {{0x41, 0xd80}, "Cortex-A520"},    {{0x41, 0xd81}, "Cortex-A720"},
      {{0x41, 0xd82}, "Cortex-X4"},      {{0x51, 0x800}, "Kryo 280 Gold"},  {{0x51, 0x801}, "Kryo 280 Silver"},
      {{0x51, 0x802}, "Kryo 385 Gold"},  {{0x51, 0x803}, "Kryo 385 Silver"}, {{0x51, 0x804}, "Kryo 485 Gold"},
      {{0x51, 0x805}, "Kryo 485 Silver"},
  };
  if (const auto name = Field(fields, "model name")) return name;
  const auto implementer = ToInteger(Field(fields, "CPU implementer")), part = ToInteger(Field(fields, "CPU part"));
  if (!implementer || !part) return std::nullopt;
  const auto known = names.find({*implementer, *part});
  if (known != names.end()) return known->second;
  return "implementer " + *Field(fields, "CPU implementer") + " part " + *Field(fields, "CPU part");
}

constexpr char kCores[] = "/sys/devices/system/cpu";

std::string FrequencyFolder(const std::string& root, int cpu) {
  return root + kCores + "/cpu" + std::to_string(cpu) + "/cpufreq/";
}

std::vector<Core> ReadCores(const std::string& root, const CpuInfo& info) {
  std::vector<Core> cores;
  std::set<int> numbers = Numbered(root + kCores, "cpu");
  for (const auto& core : info.cores) numbers.insert(core.first);
  for (const int cpu : numbers) {
    // A core that sleeps is not in cpuinfo.
    const auto fields = info.cores.find(cpu);
    const std::string frequency = FrequencyFolder(root, cpu);
    cores.push_back({cpu, fields == info.cores.end() ? std::nullopt : CoreType(fields->second),
                     ToInteger(ReadText(frequency + "cpuinfo_max_freq")),
                     ToInteger(ReadText(frequency + "scaling_max_freq")),
                     ReadText(frequency + "scaling_governor")});
  }
  return cores;
}

std::optional<bool> HasFeature(const CpuInfo& info, const std::string& feature) {
  const auto features = Field(info.common, "Features");
  if (!features) return std::nullopt;
  return (" " + *features + " ").find(" " + feature + " ") != std::string::npos;
}

std::optional<std::string> FirstOf(const std::vector<std::optional<std::string>>& candidates) {
  for (const auto& candidate : candidates)
    if (candidate) return candidate;
  return std::nullopt;
}

// Kernels give thousandths of a degree, or tenths, or degrees. Nothing for what no phone can have.
std::optional<double> Celsius(std::int64_t raw) {
  const std::int64_t magnitude = raw < 0 ? -raw : raw;
  const double value = static_cast<double>(raw) / (magnitude >= 1500 ? 1000 : magnitude >= 150 ? 10 : 1);
  // Sensors that are switched off read 0, or far below.
  return value > -40 && value < 150 && raw != 0 ? std::make_optional(value) : std::nullopt;
}

}  // namespace

std::string SystemProperty(const char* name) {
#ifdef __ANDROID__
  char value[PROP_VALUE_MAX] = "";
  __system_property_get(name, value);
  return value;
#else
  static_cast<void>(name);
  return "";
#endif
}

Device DescribeDevice(const std::string& root, const Properties& property) {
  const CpuInfo info = ReadCpuInfo(root);
  const auto value = [&](const char* name) { return Trimmed(property(name)); };
  Device device;
  device.brand = value("ro.product.brand");
  device.model = FirstOf({value("ro.product.model"), ReadText(root + "/proc/device-tree/model")});
  // ro.soc.model came with Android 12; before it the kernel's name for the hardware says most.
  device.soc = FirstOf({value("ro.soc.model"), Field(info.common, "Hardware"), value("ro.board.platform")});
  device.android = value("ro.build.version.release");
  if (const auto level = ToInteger(value("ro.build.version.sdk"))) device.api_level = static_cast<int>(*level);
  utsname system;
  if (uname(&system) == 0) device.kernel = std::string(system.sysname) + " " + system.release;
  device.fp16 = HasFeature(info, "asimdhp");
  device.dot_product = HasFeature(info, "asimddp");
  device.cores = ReadCores(root, info);
  return device;
}

std::optional<Temperature> ReadTemperature(const std::string& root) {
  const std::string folder = root + "/sys/class/thermal";
  for (const char* const kind : {"cpu", "soc", "tsens", "x86_pkg"}) {
    std::optional<Temperature> hottest;
    for (const int zone : Numbered(folder, "thermal_zone")) {
      const std::string path = folder + "/thermal_zone" + std::to_string(zone);
      std::string type = ReadText(path + "/type").value_or("");
      std::string lower = type;
      std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
      if (lower.find(kind) == std::string::npos) continue;
      const auto raw = ToInteger(ReadText(path + "/temp"));
      const auto celsius = raw ? Celsius(*raw) : std::nullopt;
      if (celsius && (!hottest || *celsius > hottest->celsius)) hottest = Temperature{type, *celsius};
    }
    if (hottest) return hottest;
  }
  return std::nullopt;
}

std::vector<Frequency> ReadFrequencies(const std::string& root, const std::vector<int>& cores) {
  std::vector<Frequency> frequencies;
  for (const int cpu : cores)
    if (const auto khz = ToInteger(ReadText(FrequencyFolder(root, cpu) + "scaling_cur_freq")))
      frequencies.push_back({cpu, *khz});
  return frequencies;
}

}  // namespace mobileseg_bench

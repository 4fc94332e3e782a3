// The parts of mobileseg_bench that a run on this machine cannot show, on data from the command line:
//
//   device ROOT NAME=VALUE...   the device block for the files under ROOT and these Android properties
//   placement ROOT CORE...      where runs were made, by the files under ROOT
//   property NAME               an Android property as the program itself reads it
//   summary NUMBER...           the statistics of the numbers
//   numbers NUMBER...           the numbers (nan and inf are some) as JSON

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "device.h"
#include "json.h"
#include "report.h"
#include "statistics.h"

using namespace mobileseg_bench;

int main(int argc, char** argv) {
  const std::string what = argv[1];
  const std::vector<std::string> rest(argv + 2, argv + argc);
  std::vector<double> numbers;
  for (const auto& text : rest) numbers.push_back(std::strtod(text.c_str(), nullptr));
  if (what == "device") {
    std::map<std::string, std::string> properties;
    for (std::size_t i = 1; i < rest.size(); ++i)
      properties[rest[i].substr(0, rest[i].find('='))] = rest[i].substr(rest[i].find('=') + 1);
    const auto temperature = ReadTemperature(rest[0]);
    std::cout << DeviceBlock(DescribeDevice(rest[0], [&](const char* name) { return properties[name]; }), temperature,
                             temperature)
                     .Text();
  } else if (what == "placement") {
    std::vector<int> cores;
    for (std::size_t i = 1; i < rest.size(); ++i) cores.push_back(std::atoi(rest[i].c_str()));
    std::cout << PlacementBlock({cores, ReadFrequencies(rest[0], cores), {}}).Text();
  } else if (what == "property") {
    std::cout << ToJson(SystemProperty(rest[0].c_str()));
  } else if (what == "summary") {
    const Summary s = Summarise(numbers);
    std::cout << ToJson(std::vector<double>{s.min, s.median, s.mean, s.p90, s.p99, s.stddev});
  } else {
    std::cout << ToJson(numbers);
  }
}

// The command line of mobileseg_bench; flags and values lie in the input with a zero byte behind each.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "error.h"
#include "options.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> arguments(1);
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] == 0)
      arguments.emplace_back();
    else
      arguments.back().push_back(static_cast<char>(data[i]));
  }
  try {
    const mobileseg_bench::Options options = mobileseg_bench::ParseOptions(arguments);
    if (options.input_shape.size() != 4 || options.Files().empty() || options.InputElements() < 1) __builtin_trap();
  } catch (const mobileseg_bench::BadInput&) {
  }
  return 0;
}

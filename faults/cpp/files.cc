// The files that mobileseg_bench reads: the head of a model, raw inputs, raw images with their preparation.

#include <fuzzer/FuzzedDataProvider.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "error.h"
#include "files.h"
#include "inputs.h"

namespace {

const std::string& Path() {
  static const std::string path = "/tmp/mobileseg_fuzz_" + std::to_string(getpid());
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider provider(data, size);
  mobileseg_bench::Options options;
  const int batch = provider.ConsumeIntegralInRange(1, 2);
  options.input_shape = {batch, 3, provider.ConsumeIntegralInRange(1, 9), provider.ConsumeIntegralInRange(1, 9)};
  const int height = provider.ConsumeIntegralInRange(1, 20), width = provider.ConsumeIntegralInRange(1, 20);
  const bool fits = provider.ConsumeBool();
  const bool image = provider.ConsumeBool();
  std::vector<std::uint8_t> content = provider.ConsumeRemainingBytes<std::uint8_t>();
  const std::size_t wanted = image ? std::size_t{3} * height * width : 4 * options.InputElements();
  if (fits) content.resize(wanted);
  std::FILE* const file = std::fopen(Path().c_str(), "wb");
  std::fwrite(content.data(), 1, content.size(), file);
  std::fclose(file);
  try {
    mobileseg_bench::ModelOptVersion(Path());
  } catch (const mobileseg_bench::BadInput&) {
  }
  (image ? options.images : options.inputs) = {Path()};
  options.image_sizes = {{height, width}};
  options.preprocessing.height = static_cast<int>(options.input_shape[2]);
  options.preprocessing.width = static_cast<int>(options.input_shape[3]);
  for (float& value : options.preprocessing.std) value = 0.5f;
  try {
    const auto input = mobileseg_bench::LoadInput(options, 0);
    if (static_cast<std::int64_t>(input.size()) != options.InputElements() || content.size() != wanted)
      __builtin_trap();
  } catch (const mobileseg_bench::BadInput&) {
  }
  return 0;
}

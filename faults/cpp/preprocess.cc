// mobileseg/preprocess.h with any settings: they come from a .nb.json that a stranger may have written.

#include <fuzzer/FuzzedDataProvider.h>

#include <cmath>
#include <vector>

#include "mobileseg/preprocess.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider provider(data, size);
  mobileseg::Preprocessing how;
  how.height = provider.ConsumeIntegralInRange(-1, 40);
  how.width = provider.ConsumeIntegralInRange(-1, 40);
  for (float& value : how.mean) value = provider.ConsumeFloatingPoint<float>();
  for (float& value : how.std) value = provider.ConsumeFloatingPoint<float>();
  how.resize = static_cast<mobileseg::Resize>(provider.ConsumeIntegralInRange(0, 5));
  how.interpolation = static_cast<mobileseg::Interpolation>(provider.ConsumeIntegralInRange(0, 1));
  how.long_side = provider.ConsumeIntegral<int>();
  how.short_side = provider.ConsumeIntegral<int>();
  how.min_long_side = provider.ConsumeIntegral<int>();
  how.size_divisor = provider.ConsumeIntegral<int>();
  how.factor = provider.ConsumeBool() ? std::nan("") : provider.ConsumeFloatingPoint<double>();
  how.padding_value = provider.ConsumeFloatingPoint<float>();
  how.padding_normalized = provider.ConsumeBool();
  how.channel_order = static_cast<mobileseg::ChannelOrder>(provider.ConsumeIntegralInRange(0, 1));
  const int height = provider.ConsumeIntegralInRange(-1, 300), width = provider.ConsumeIntegralInRange(-1, 60);
  const std::size_t extra = provider.ConsumeIntegralInRange(0, 9);
  const std::size_t row = width > 0 ? std::size_t{3} * width + extra : extra;
  std::vector<std::uint8_t> image = provider.ConsumeRemainingBytes<std::uint8_t>();
  image.resize(height > 0 ? row * height : 0);
  image.shrink_to_fit();
  std::vector<float> input(how.height > 0 && how.width > 0 ? std::size_t{3} * how.height * how.width : 0);
  const auto status = mobileseg::Preprocess(how, image.data(), height, width, input.data(), extra ? row : 0);
  const bool sizes = height > 0 && width > 0 && how.height > 0 && how.width > 0;
  if (status == mobileseg::PreprocessStatus::kOk && !(sizes && mobileseg::IsComplete(how))) __builtin_trap();
  return 0;
}

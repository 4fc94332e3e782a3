#include "inputs.h"

#include <algorithm>

#include "error.h"
#include "files.h"

namespace mobileseg_bench {
namespace {

std::vector<float> Prepare(const Options& options, std::size_t index) {
  const mobileseg::ImageSize size = options.image_sizes[options.image_sizes.size() == 1 ? 0 : index];
  const std::vector<std::uint8_t> image = ReadImage(options.images[index], size.height, size.width);
  std::vector<float> input(static_cast<std::size_t>(options.InputElements()));
  const auto batch = static_cast<std::size_t>(options.input_shape[0]);
  const std::size_t one = input.size() / batch;
  const auto status =
      mobileseg::Preprocess(options.preprocessing, image.data(), size.height, size.width, input.data());
  if (status != mobileseg::PreprocessStatus::kOk)
    throw BadInput("the image " + options.images[index] + " cannot be prepared: the flags of preprocessing are wrong");
  for (std::size_t i = 1; i < batch; ++i) std::copy_n(input.begin(), one, input.begin() + i * one);
  return input;
}

}  // namespace

std::vector<float> LoadInput(const Options& options, std::size_t index) {
  return options.images.empty() ? ReadInput(options.inputs[index], options.InputElements()) : Prepare(options, index);
}

}  // namespace mobileseg_bench

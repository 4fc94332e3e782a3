// Makes the input of a network with preprocess.h, for a test that compares it with Python's.
//
//   preprocess_test SETTINGS IMAGE HEIGHT WIDTH GAP OUTPUT
//
// SETTINGS are the members of Preprocessing in their order, numbers with commas; GAP is bytes behind each row of IMAGE.
// Prints the frame, or the status of a failure.

#include "mobileseg/preprocess.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace {

mobileseg::Preprocessing Parse(const std::string& text) {
  std::istringstream stream(text);
  const auto next = [&] {
    std::string word;
    std::getline(stream, word, ',');
    return std::strtod(word.c_str(), nullptr);
  };
  const auto whole = [&] { return static_cast<int>(next()); };
  mobileseg::Preprocessing how;
  how.height = whole();
  how.width = whole();
  for (float& value : how.mean) value = static_cast<float>(next());
  for (float& value : how.std) value = static_cast<float>(next());
  how.resize = static_cast<mobileseg::Resize>(whole());
  how.interpolation = static_cast<mobileseg::Interpolation>(whole());
  how.long_side = whole();
  how.short_side = whole();
  how.min_long_side = whole();
  how.size_divisor = whole();
  how.factor = next();
  how.padding_value = static_cast<float>(next());
  how.padding_normalized = whole() != 0;
  how.channel_order = static_cast<mobileseg::ChannelOrder>(whole());
  return how;
}

}  // namespace

int main(int, char** arguments) {
  const mobileseg::Preprocessing how = Parse(arguments[1]);
  std::ifstream file(arguments[2], std::ios::binary);
  const std::vector<char> image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const int height = std::atoi(arguments[3]), width = std::atoi(arguments[4]), gap = std::atoi(arguments[5]);
  std::vector<float> input(std::size_t{3} * std::abs(how.height) * std::abs(how.width), -1e9f);
  const auto* const pixels = reinterpret_cast<const std::uint8_t*>(image.data());
  const std::size_t row_bytes = gap ? static_cast<std::size_t>(3 * width + gap) : 0;
  const auto status = mobileseg::Preprocess(how, pixels, height, width, input.data(), row_bytes);
  if (status != mobileseg::PreprocessStatus::kOk) {
    std::printf("status %d\n", static_cast<int>(status));
    return 0;
  }
  const mobileseg::ImageSize frame = mobileseg::FrameSize(how, height, width);
  std::printf("%d %d\n", frame.height, frame.width);
  std::ofstream out(arguments[6], std::ios::binary);
  out.write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size() * sizeof(float)));
  return out ? 0 : 1;
}

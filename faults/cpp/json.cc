// Texts of any bytes as JSON: the result holds no control character, and its quotes and backslashes are in order.

#include <cstddef>
#include <cstdint>
#include <string>

#include "json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = mobileseg_bench::ToJson(std::string(reinterpret_cast<const char*>(data), size));
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') __builtin_trap();
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    const unsigned char byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f || byte == '"') __builtin_trap();
    if (byte != '\\') continue;
    const char escaped = text[++i];
    if (i + 1 >= text.size() || (escaped != '"' && escaped != '\\' && escaped != 'u')) __builtin_trap();
  }
  return 0;
}

#include "json.h"

#include <cmath>
#include <cstdio>

namespace mobileseg_bench {
namespace {

// Length of the UTF-8 sequence at `at`; 0 if there is none (RFC 3629: no overlong forms, no surrogates).
std::size_t SequenceLength(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned lead = byte(at), second = byte(at + 1);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xc0u) != 0x80u) return 0;
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool surrogate = lead == 0xed && second >= 0xa0;
  const bool too_large = lead == 0xf4 && second >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

std::string Escaped(unsigned code) {
  char text[8];
  std::snprintf(text, sizeof text, "\\u%04x", code);
  return text;
}

}  // namespace

std::string ToJson(double value) {
  if (!std::isfinite(value)) return "null";
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::string ToJson(std::int64_t value) { return std::to_string(value); }
std::string ToJson(int value) { return std::to_string(value); }
std::string ToJson(bool value) { return value ? "true" : "false"; }
std::string ToJson(const char* text) { return ToJson(std::string(text)); }

std::string ToJson(const std::string& text) {
  std::string result = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const unsigned char byte = static_cast<unsigned char>(text[at]);
    const std::size_t length = SequenceLength(text, at);
    if (length == 0) {
      result += Escaped(0xdc00u + byte);
    } else if (byte == '"' || byte == '\\') {
      result += {'\\', text[at]};
    } else if (byte < 0x20 || byte == 0x7f) {
      result += Escaped(byte);
    } else {
      result.append(text, at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return result + "\"";
}

}  // namespace mobileseg_bench

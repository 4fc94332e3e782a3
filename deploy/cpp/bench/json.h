// JSON text from values. What JSON has no word for (NaN, infinities, absent values) becomes null.

#ifndef MOBILESEG_BENCH_JSON_H_
#define MOBILESEG_BENCH_JSON_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mobileseg_bench {

// Nine significant digits: a nanosecond of every time below a second, given in milliseconds.
std::string ToJson(double value);
std::string ToJson(std::int64_t value);
std::string ToJson(int value);
std::string ToJson(bool value);

// Any bytes. Those that are not UTF-8 (a file may be called so) become lone surrogates U+DC80 ... U+DCFF, which
// Python's os.fsencode turns back into the same bytes.
std::string ToJson(const std::string& text);
std::string ToJson(const char* text);

template <typename T>
std::string ToJson(const std::optional<T>& value);
template <typename T>
std::string ToJson(const std::vector<T>& values);

// The members of an object, in the order of Add.
class JsonObject {
 public:
  template <typename T>
  JsonObject& Add(const char* key, const T& value);
  std::string Text() const { return "{" + members_ + "}"; }

 private:
  std::string members_;
};

inline std::string ToJson(const JsonObject& object) { return object.Text(); }

template <typename T>
std::string ToJson(const std::optional<T>& value) {
  return value ? ToJson(*value) : "null";
}

template <typename T>
std::string ToJson(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) text += (text.empty() ? "" : ", ") + ToJson(value);
  return "[" + text + "]";
}

template <typename T>
JsonObject& JsonObject::Add(const char* key, const T& value) {
  members_ += (members_.empty() ? "" : ", ") + ToJson(key) + ": " + ToJson(value);
  return *this;
}

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_JSON_H_

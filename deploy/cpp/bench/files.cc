#include "files.h"

#include <sys/stat.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>

#include "error.h"

namespace mobileseg_bench {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

File OpenForReading(const std::string& path, const char* what) {
  struct stat status;
  File file(std::fopen(path.c_str(), "rb"));
  if (!file || fstat(fileno(file.get()), &status) != 0)
    throw BadInput(std::string("cannot read ") + what + " " + path + ": " + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) throw BadInput(std::string("cannot read ") + what + " " + path + ": it is not a file");
  return file;
}

// A file of nothing but `elements` values.
//   flag, kind: of what says how many there must be, and what they are.
template <typename Value>
std::vector<Value> ReadValues(const std::string& path, const std::string& what, std::int64_t elements,
                              const std::string& flag, const std::string& kind) {
  const File file = OpenForReading(path, what.c_str());
  struct stat status;
  fstat(fileno(file.get()), &status);
  const std::int64_t wanted = elements * static_cast<std::int64_t>(sizeof(Value));
  if (status.st_size != wanted)
    throw BadInput(what + " " + path + " has " + std::to_string(status.st_size) + " bytes, " + flag + " asks for " +
                   std::to_string(wanted) + " (" + kind + ")");
  std::vector<Value> values(static_cast<std::size_t>(elements));
  if (std::fread(values.data(), sizeof(Value), values.size(), file.get()) != values.size())
    throw BadInput("cannot read " + what + " " + path + ": it ends early");
  return values;
}

}  // namespace

std::string ModelOptVersion(const std::string& path) {
  const File file = OpenForReading(path, "the model");
  unsigned char header[18] = {};
  const std::size_t got = std::fread(header, 1, sizeof header, file.get());
  const int layout = header[0] | header[1] << 8;
  if (got != sizeof header || layout < 1 || layout > 2)
    throw BadInput(path + " is not a Paddle-Lite model; `mobileseg convert` makes one");
  const char* const version = reinterpret_cast<const char*>(header + 2);
  return std::string(version, strnlen(version, sizeof header - 2));
}

std::vector<float> ReadInput(const std::string& path, std::int64_t elements) {
  const std::vector<float> values = ReadValues<float>(path, "the input", elements, "--input-shape", "float32");
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      throw BadInput("the input " + path + " is NaN or infinite at element " + std::to_string(i));
  return values;
}

std::vector<std::uint8_t> ReadImage(const std::string& path, int height, int width) {
  const std::int64_t elements = std::int64_t{3} * height * width;
  return ReadValues<std::uint8_t>(path, "the image", elements, "--image-size", "uint8, three a pixel");
}

void CreateOutput(const std::string& path) {
  if (!File(std::fopen(path.c_str(), "wb")))
    throw BadInput("cannot write the output " + path + ": " + std::strerror(errno));
}

void WriteOutput(const std::string& path, const void* data, std::size_t bytes) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  const bool written = file && std::fwrite(data, 1, bytes, file) == bytes;
  // Closing flushes, so a full disk may show only here.
  const bool closed = file && std::fclose(file) == 0;
  if (!written || !closed) throw Failure("cannot write the output " + path + ": " + std::strerror(errno));
}

}  // namespace mobileseg_bench

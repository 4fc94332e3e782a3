// FNV-1a, 64 bits: enough to see whether two runs gave the same bytes.

#ifndef MOBILESEG_BENCH_DIGEST_H_
#define MOBILESEG_BENCH_DIGEST_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace mobileseg_bench {

class Digest {
 public:
  void Add(const void* data, std::size_t bytes) {
    const auto* const begin = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < bytes; ++i) state_ = (state_ ^ begin[i]) * 0x100000001b3u;
  }

  // "fnv1a64:" and 16 hexadecimal digits.
  std::string Text() const {
    char text[32];
    std::snprintf(text, sizeof text, "fnv1a64:%016llx", static_cast<unsigned long long>(state_));
    return text;
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325u;
};

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_DIGEST_H_

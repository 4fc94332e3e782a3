// Files in and out.

#ifndef MOBILESEG_BENCH_FILES_H_
#define MOBILESEG_BENCH_FILES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mobileseg_bench {

// The version of opt that made a .nb, from its header: a uint16 (layout of the file, 1 or 2) and 16 characters.
// Throws BadInput: it cannot be read, or begins otherwise.
std::string ModelOptVersion(const std::string& path);

// Throws BadInput: it cannot be read, its size is not that of `elements` float32, or an element is not finite.
std::vector<float> ReadInput(const std::string& path, std::int64_t elements);

// Red, green and blue of each pixel. Throws BadInput: it cannot be read, or its size is not that of such an image.
std::vector<std::uint8_t> ReadImage(const std::string& path, int height, int width);

// Creates the file, so that a bad name is known before the network runs. Throws BadInput.
void CreateOutput(const std::string& path);

// Throws Failure.
void WriteOutput(const std::string& path, const void* data, std::size_t bytes);

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_FILES_H_

// What the network is fed with, read from the files that the command line names.

#ifndef MOBILESEG_BENCH_INPUTS_H_
#define MOBILESEG_BENCH_INPUTS_H_

#include <cstddef>
#include <vector>

#include "options.h"

namespace mobileseg_bench {

// The elements of one input: a file of raw float32, or an image, prepared and repeated for each place of the batch.
// Throws BadInput: it cannot be read, has another size than the flags say, or holds NaN or infinity.
std::vector<float> LoadInput(const Options& options, std::size_t index);

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_INPUTS_H_

// Exact label maps from low-resolution logits.
//
// A segmentation network ends in logits at 1/8 or 1/16 of the image. The usual way to labels is to
// interpolate every class to the image's size and take the argmax, which costs more than the network.
// But bilinear interpolation inside a cell of four neighbouring logits is a convex combination of the
// four. Where the same class is clearly the best at all of them it wins in the whole cell, which is filled:
// that is most cells. In the others a class whose largest corner lies below the smallest corner of another class wins
// nowhere. The rest compete row by row, in single precision: there each class is a straight line between the row's two
// ends, and where no other comes up to the place at which the best at the two ends cross, these two share the row. Else
// all that come up to it in some row are weighed at each sample. A row in which two come closer than rounding is done
// anew in double precision, as the definition has it.
//
// The result is that of interpolation followed by argmax, ties going to the lowest class:
//  - Coordinates are those of Paddle's bilinear_interp_v2: half-pixel centres (align_mode 0), or aligned
//    corners. Weights are float32, as Paddle computes them.
//  - With those weights the label is the argmax of exact arithmetic wherever the two best classes differ
//    by more than 2^-23 of the largest magnitude among their corners. Against an interpolation in float32,
//    which rounds more often, the same holds with 2^-20.
//  - The same input gives the same bytes on every processor: products are taken in double precision, where
//    they are exact, so it does not matter whether a compiler fuses them with the sum. Do not compile with
//    -ffast-math.
//  - Logits beyond half of float32's largest value, infinities among them, count as that half.
//
// Memory: O(height * width + out_height + out_width), and O(classes) for each thread, beside input and output.
//
// Header only (this file and the folder detail beside it), C++17, no dependencies. Compile with -O3: the loops are
// written for the vectoriser.

#ifndef MOBILESEG_UPSAMPLE_LABELS_H_
#define MOBILESEG_UPSAMPLE_LABELS_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "detail/axis.h"
#include "detail/block.h"
#include "detail/contest.h"
#include "detail/logits.h"
#include "detail/winners.h"

namespace mobileseg {

enum class LabelStatus {
  kOk,
  kBadShape,        // a size, or the number of classes or of threads, is not positive
  kTooManyClasses,  // the label type cannot hold classes - 1
  kNan,             // some logit is not a number; nothing was written
};

namespace detail {

// Labels of all samples between two rows of logits.
template <typename Logit, typename Label>
void LabelRow(const LogitMap<Logit>& map, const Axis::Cell& row, const Axis& rows, const Axis& columns,
              const Winners& winners, Block& block, Contest& contest, Label* labels) {
  const std::size_t width = columns.weight.size();
  Label* const top = labels + row.begin * width;
  for (auto column = columns.cells.begin(); column != columns.cells.end();) {
    const int first = column->low;
    const Axis::Cell* contested[kBlock];
    int count = 0;
    float reached = kLargest;
    for (; column != columns.cells.end() && column->low < first + kBlock; ++column) {
      const std::int32_t winner = winners.Of(row, *column);
      if (winner == Winners::kNone) {
        std::int32_t best[4];
        winners.AtCorners(row, *column, best);
        reached = std::min(reached, winners.Reached(map, row, *column, best));
        contested[count++] = &*column;
        continue;
      }
      Label* out = top + column->begin;
      for (int y = row.begin; y < row.end; ++y, out += width)
        std::fill(out, out + (column->end - column->begin), static_cast<Label>(winner));
    }
    if (count == 0) continue;
    block.Load(map, row.low, row.high, first, std::min(kBlock, map.width - first), reached);
    for (int i = 0; i < count; ++i) {
      const Axis::Cell& cell = *contested[i];
      block.Enter(cell.low - first, columns.weight.data() + cell.begin, cell.end - cell.begin, &contest);
      contest.LabelCell(block.largest(), rows.weight.data() + row.begin, row.end - row.begin, top + cell.begin, width);
    }
  }
}

#ifdef MOBILESEG_DISPATCH_AVX2
// The same, with everything that it calls, compiled for AVX2.
template <typename Logit, typename Label>
__attribute__((target("avx2"), flatten)) void LabelRowWithAvx2(const LogitMap<Logit>& map, const Axis::Cell& row,
                                                               const Axis& rows, const Axis& columns,
                                                               const Winners& winners, Block& block,
                                                               Contest& contest, Label* labels) {
  LabelRow(map, row, rows, columns, winners, block, contest, labels);
}
#endif

// Calls start(), which starts a thread; false where the system has none left, or no memory for it.
template <typename Start>
bool Started(const Start& start) {
#ifdef __cpp_exceptions
  try {
    start();
  } catch (const std::exception&) {
    return false;
  }
#else
  start();  // compiled with -fno-exceptions a thread that cannot be started ends the program
#endif
  return true;
}

// Calls work(index), which must not throw, for every index below `count`, each worker with a state of its own made by
// make_work(). Where the system gives fewer threads than are asked for, those that it gives share the work.
template <typename MakeWork>
void Share(std::size_t count, int threads, const MakeWork& make_work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&](auto work) {
    for (std::size_t index; (index = next++) < count;) work(index);
  };
  const std::size_t most = std::min(static_cast<std::size_t>(threads), count);
  // States are made in this thread: memory that runs out is an exception that the caller can catch.
  auto own = make_work();
  std::vector<std::thread> helpers;
  while (helpers.size() + 1 < most && Started([&] { helpers.emplace_back(run, make_work()); })) continue;
  run(std::move(own));
  for (auto& helper : helpers) helper.join();
}

}  // namespace detail

// Labels of the size of the image from logits of a lower (or any other) resolution.
//
//   logits: float or Half, [classes, height, width] (kNchw) or [height, width, classes] (kNhwc), without gaps.
//   labels: uint8_t, uint16_t or int32_t, [out_height, out_width]; written whole, or not at all on a failure.
//   align_corners: as bilinear_interp_v2 takes it.
//   threads: 1 runs in the caller's thread alone; where the system gives fewer, fewer are used.
template <typename Logit, typename Label>
LabelStatus UpsampleLabels(const Logit* logits, int classes, int height, int width, Layout layout, Label* labels,
                           int out_height, int out_width, bool align_corners = false, int threads = 1) {
  if (std::min({classes, height, width, out_height, out_width, threads}) < 1) return LabelStatus::kBadShape;
  if (static_cast<std::int64_t>(classes) - 1 > static_cast<std::int64_t>(std::numeric_limits<Label>::max()))
    return LabelStatus::kTooManyClasses;

  const detail::LogitMap<Logit> map{logits, classes, height, width, layout};
  detail::Winners winners(map);
  std::atomic<bool> numbers{true};
  detail::Share(winners.chunks(), threads, [&] {
    return [&](std::size_t chunk) {
      if (!winners.Find(map, chunk)) numbers = false;
    };
  });
  if (!numbers) return LabelStatus::kNan;

  const detail::Axis rows = detail::MakeAxis(height, out_height, align_corners);
  const detail::Axis columns = detail::MakeAxis(width, out_width, align_corners);
  detail::Share(rows.cells.size(), threads, [&] {
    return [&, block = detail::Block(classes), contest = detail::Contest(classes, columns.longest)](
               std::size_t index) mutable {
#ifdef MOBILESEG_DISPATCH_AVX2
      if (detail::HasAvx2()) {
        detail::LabelRowWithAvx2(map, rows.cells[index], rows, columns, winners, block, contest, labels);
        return;
      }
#endif
      detail::LabelRow(map, rows.cells[index], rows, columns, winners, block, contest, labels);
    };
  });
  return LabelStatus::kOk;
}

}  // namespace mobileseg

#endif  // MOBILESEG_UPSAMPLE_LABELS_H_

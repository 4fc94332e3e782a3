// Paddle-Lite ends the process when it meets something it cannot do. This turns its end into an error line.

#ifndef MOBILESEG_BENCH_CRASH_H_
#define MOBILESEG_BENCH_CRASH_H_

namespace mobileseg_bench {

// From now on an abort or a fault of the library prints `error: ...` with what it was doing, and exits with status 1.
void CatchCrashes();

// doing: a string literal, "loading the model"; nullptr while the library is not at work.
void NowDoing(const char* doing);

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_CRASH_H_

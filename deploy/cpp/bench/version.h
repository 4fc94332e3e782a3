// What this build is.

#ifndef MOBILESEG_BENCH_VERSION_H_
#define MOBILESEG_BENCH_VERSION_H_

namespace mobileseg_bench {

// The plugin's version; a test compares the two.
constexpr char kVersion[] = "0.1.0";

#if defined(__ANDROID__) && defined(__aarch64__)
constexpr char kAbi[] = "arm64-v8a";
#elif defined(__ANDROID__) && defined(__arm__)
constexpr char kAbi[] = "armeabi-v7a";
#elif defined(__aarch64__)
constexpr char kAbi[] = "aarch64-linux";
#elif defined(__arm__)
constexpr char kAbi[] = "armv7-linux";
#elif defined(__x86_64__)
constexpr char kAbi[] = "x86_64";
#else
constexpr char kAbi[] = "other";
#endif

#if defined(__clang__)
constexpr char kCompiler[] = __VERSION__;
#else
constexpr char kCompiler[] = "gcc " __VERSION__;
#endif

}  // namespace mobileseg_bench

#endif  // MOBILESEG_BENCH_VERSION_H_

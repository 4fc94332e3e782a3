// mobileseg_bench: times a Paddle-Lite model on this device and prints one line of JSON.

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>

#include "crash.h"
#include "error.h"
#include "files.h"
#include "inputs.h"
#include "measurement.h"
#include "options.h"
#include "report.h"
#include "version.h"

namespace mobileseg_bench {
namespace {

// Every mistake that can be known beforehand is told before the network takes its time.
void CheckFiles(const Options& options) {
  for (std::size_t i = 0; i < options.Files().size(); ++i) LoadInput(options, i);
  for (const auto& output : options.outputs) CreateOutput(output);
}

// Before any thread is made: threads inherit it.
void BindToCores(const std::vector<int>& cores) {
  if (cores.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) CPU_SET(core, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0)
    throw BadInput(std::string("cannot run on the cores of --cores: ") + std::strerror(errno) +
                   "; the device has fewer, or they are switched off");
  cpu_set_t got;
  // The kernel drops those that there are not, as long as one remains.
  if (sched_getaffinity(0, sizeof got, &got) == 0 && !CPU_EQUAL(&set, &got))
    throw BadInput("cannot run on all the cores of --cores: the device has fewer, or some are switched off");
}

std::string Run(const Options& options) {
  const std::string opt_version = ModelOptVersion(options.model);
  CheckFiles(options);
  BindToCores(options.cores);
  CatchCrashes();
  const Measurement measurement = Measure(options);
  if (measurement.library_version != opt_version)
    std::fprintf(stderr,
                 "warning: opt %s made the model and the library is %s; use a library of the version of opt\n",
                 opt_version.c_str(), measurement.library_version.c_str());
  return Report(options, opt_version, measurement, DescribeDevice("", SystemProperty));
}

void Print(int descriptor, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = write(descriptor, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR) throw Failure(std::string("cannot write the result: ") + std::strerror(errno));
    if (count > 0) done += static_cast<std::size_t>(count);
  }
}

int Main(const std::vector<std::string>& arguments) {
  // Paddle-Lite logs to standard output too: keep the result apart from it.
  const int results = dup(STDOUT_FILENO);
  if (results < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) throw Failure("standard output or error is closed");
  if (arguments == std::vector<std::string>{"--help"}) {
    Print(results, Usage());
  } else if (arguments == std::vector<std::string>{"--version"}) {
    Print(results, std::string("mobileseg_bench ") + kVersion + "\n");
  } else {
    Print(results, Run(ParseOptions(arguments)) + "\n");
  }
  return 0;
}

int Fail(int status, const std::exception& error) {
  std::fflush(stdout);
  std::fprintf(stderr, "error: %s\n", error.what());
  return status;
}

}  // namespace
}  // namespace mobileseg_bench

int main(int argc, char** argv) {
  try {
    return mobileseg_bench::Main({argv + 1, argv + argc});
  } catch (const mobileseg_bench::BadInput& error) {
    return mobileseg_bench::Fail(2, error);
  } catch (const std::exception& error) {
    return mobileseg_bench::Fail(1, error);
  }
}

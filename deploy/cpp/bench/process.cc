#include "process.h"

#include <link.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace mobileseg_bench {
namespace {

// From elf.h, where not every C library has the name.
constexpr std::uint32_t kBuildIdNote = 3;

ProcessUsage Used() {
  ProcessUsage usage;
  timespec computed = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &computed);
  usage.cpu_ms = static_cast<double>(computed.tv_sec) * 1e3 + static_cast<double>(computed.tv_nsec) / 1e6;
  rusage counts = {};
  getrusage(RUSAGE_SELF, &counts);
  usage.voluntary_switches = counts.ru_nvcsw;
  usage.involuntary_switches = counts.ru_nivcsw;
  return usage;
}

struct Search {
  std::string library;
  std::optional<std::string> found;
};

std::optional<std::string> BuildIdIn(const char* notes, std::size_t size) {
  const auto whole = [](std::size_t bytes) { return (bytes + 3) / 4 * 4; };
  for (std::size_t at = 0; at + sizeof(ElfW(Nhdr)) <= size;) {
    ElfW(Nhdr) head;
    std::memcpy(&head, notes + at, sizeof head);
    const std::size_t name = at + sizeof head, content = name + whole(head.n_namesz);
    at = content + whole(head.n_descsz);
    if (at > size) break;
    if (head.n_type != kBuildIdNote || head.n_namesz != 4 || std::memcmp(notes + name, "GNU", 4) != 0) continue;
    std::string digits;
    for (std::size_t i = 0; i < head.n_descsz; ++i) {
      char two[3];
      std::snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(notes[content + i]));
      digits += two;
    }
    return digits;
  }
  return std::nullopt;
}

// For dl_iterate_phdr, which names the program itself first.
int Visit(dl_phdr_info* info, std::size_t, void* given) {
  auto* const search = static_cast<Search*>(given);
  if (!search->library.empty()) {
    const std::string path = info->dlpi_name ? info->dlpi_name : "";
    if (path.substr(path.rfind('/') + 1) != search->library) return 0;
  }
  for (int i = 0; i < info->dlpi_phnum && !search->found; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const auto* const notes = reinterpret_cast<const char*>(info->dlpi_addr + segment.p_vaddr);
    search->found = BuildIdIn(notes, segment.p_memsz);
  }
  return 1;
}

}  // namespace

Meter::Meter(ProcessUsage* to) : before_(Used()), to_(to) {}

Meter::~Meter() {
  const ProcessUsage now = Used();
  to_->cpu_ms += now.cpu_ms - before_.cpu_ms;
  to_->voluntary_switches += now.voluntary_switches - before_.voluntary_switches;
  to_->involuntary_switches += now.involuntary_switches - before_.involuntary_switches;
}

int CurrentCore() { return sched_getcpu(); }

std::vector<int> AllowedCores() {
  std::vector<int> cores;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  return cores;
}

// The kernel's own record. getrusage counts what the process was before it became this program, too.
std::int64_t PeakMemoryBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.compare(0, 6, "VmHWM:") == 0) return std::strtoll(line.c_str() + 6, nullptr, 10) * 1024;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

std::optional<std::string> BuildId(const std::string& library) {
  Search search{library, std::nullopt};
  dl_iterate_phdr(Visit, &search);
  return search.found;
}

}  // namespace mobileseg_bench

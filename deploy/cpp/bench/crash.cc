#include "crash.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

namespace mobileseg_bench {
namespace {

constexpr int kSignals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};

const char* volatile doing_now = nullptr;

const char* NameOf(int number) {
  switch (number) {
    case SIGABRT: return "SIGABRT";
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGILL: return "SIGILL";
    default: return "SIGFPE";
  }
}

void Write(const char* text) {
  // Nothing can be done about a failure to say why.
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

// Only what is allowed in a signal handler.
void OnSignal(int number) {
  const char* const doing = doing_now;
  Write("error: Paddle-Lite died of ");
  Write(NameOf(number));
  Write(" while ");
  Write(doing ? doing : "idle");
  Write("; its own words, if it had any, stand above\n");
  _exit(1);
}

}  // namespace

void CatchCrashes() {
  // A stack of its own, so that running out of stack is caught too.
  static char stack[1 << 16];
  stack_t alternative = {};
  alternative.ss_sp = stack;
  alternative.ss_size = sizeof stack;
  sigaltstack(&alternative, nullptr);
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_ONSTACK;
  for (const int number : kSignals) sigaction(number, &action, nullptr);
}

void NowDoing(const char* doing) { doing_now = doing; }

}  // namespace mobileseg_bench

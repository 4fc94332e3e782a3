/* Preloaded into the emulated device's shell: programs for aarch64 are started in qemu, as a kernel with binfmt_misc
 * does. Compiled with -DQEMU="..." (the emulator) and -DSYSROOT="..." (where the C library for aarch64 lies). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*execve_function)(const char*, char* const*, char* const*);

static int is_aarch64(const char* path) {
  Elf64_Ehdr header;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t size = read(file, &header, sizeof header);
  close(file);
  return size == (ssize_t)sizeof header && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         header.e_machine == EM_AARCH64;
}

int execve(const char* path, char* const arguments[], char* const environment[]) {
  execve_function system_execve = (execve_function)dlsym(RTLD_NEXT, "execve");
  if (access(path, X_OK) != 0 || !is_aarch64(path)) return system_execve(path, arguments, environment);
  size_t count = 0;
  while (arguments[count]) ++count;
  /* The program must not see the preloaded library, which is not for its processor. */
  const char* before[] = {QEMU, "-U", "LD_PRELOAD", "-L", SYSROOT, path};
  size_t own = sizeof before / sizeof before[0];
  char** all = calloc(own + count + 1, sizeof *all);
  if (!all) return -1;
  memcpy(all, before, sizeof before);
  if (count) memcpy(all + own, arguments + 1, (count - 1) * sizeof *all);
  return system_execve(QEMU, all, environment);
}

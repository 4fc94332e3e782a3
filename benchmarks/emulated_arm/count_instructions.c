/* A plugin of QEMU's user mode (7.0 to 8.2) that counts the instructions of a program. When the program ends it prints
 * their number on standard error and, for each call of the system that has the number MARK, how many there were until
 * then. The system knows no such call and answers with an error, so a mark changes nothing. The declarations are those
 * few of qemu-plugin.h that it needs. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define VISIBLE __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;

typedef void (*translated_t)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*called_t)(qemu_plugin_id_t, unsigned int vcpu, int64_t number, uint64_t, uint64_t, uint64_t, uint64_t,
                         uint64_t, uint64_t, uint64_t, uint64_t);
typedef void (*ended_t)(qemu_plugin_id_t, void *);

enum { ADD_TO_NUMBER = 0, MOST_MARKS = 1000 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translated_t translated);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int what, void *number, uint64_t added);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t id, called_t called);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, ended_t ended, void *data);

VISIBLE int qemu_plugin_version = 1;

static uint64_t instructions, marks[MOST_MARKS];
static int marked;

/* One thread is what is counted: two that add at the same moment would lose some. */
static void count_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_TO_NUMBER, &instructions, qemu_plugin_tb_n_insns(block));
}

static void keep_mark(qemu_plugin_id_t id, unsigned int vcpu, int64_t number, uint64_t a, uint64_t b, uint64_t c,
                      uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h) {
  (void)id, (void)vcpu, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
  if (number == MARK && marked < MOST_MARKS) {
    marks[marked++] = instructions;
  }
}

static void print_numbers(qemu_plugin_id_t id, void *data) {
  (void)id, (void)data;
  for (int i = 0; i < marked; ++i) {
    fprintf(stderr, "mark: %" PRIu64 "\n", marks[i]);
  }
  fprintf(stderr, "instructions: %" PRIu64 "\n", instructions);
}

VISIBLE int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv) {
  (void)info, (void)argc, (void)argv;
  qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
  qemu_plugin_register_vcpu_syscall_cb(id, keep_mark);
  qemu_plugin_register_atexit_cb(id, print_numbers, NULL);
  return 0;
}

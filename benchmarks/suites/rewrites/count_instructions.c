/* A plugin of QEMU's user mode (7.0 and newer) that counts the instructions of a program and prints their number on
 * standard error when it ends. The declarations are those few of qemu-plugin.h that it needs. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define VISIBLE __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;

typedef void (*translated_t)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*ended_t)(qemu_plugin_id_t, void *);

enum { ADD_TO_NUMBER = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translated_t translated);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int what, void *number, uint64_t added);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, ended_t ended, void *data);

VISIBLE int qemu_plugin_version = 1;

static uint64_t instructions;

/* One thread is what is counted: two that add at the same moment would lose some. */
static void count_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_TO_NUMBER, &instructions, qemu_plugin_tb_n_insns(block));
}

static void print_number(qemu_plugin_id_t id, void *data) {
  (void)id, (void)data;
  fprintf(stderr, "instructions: %" PRIu64 "\n", instructions);
}

VISIBLE int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv) {
  (void)info, (void)argc, (void)argv;
  qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
  qemu_plugin_register_atexit_cb(id, print_number, NULL);
  return 0;
}

"""A 64-bit ARM core under QEMU's user mode, which counts instructions: no times, and the same on every machine."""

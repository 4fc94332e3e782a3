"""Every engine side by side on the same exports: time here, and instructions on an emulated ARM core."""

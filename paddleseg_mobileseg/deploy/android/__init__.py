"""Phones: finding them, and running and timing models on them through `adb`."""

"""An emulated Android device: what it takes to test the driver of `mobileseg device` without a phone.

It speaks the protocol of adb's daemon on a loopback port, so the real `adb` client and server connect to it
(`adb connect 127.0.0.1:PORT`). Its files lie in a scratch folder of the host, its shell is the host's, with
only the commands on the PATH that a phone has, and its programs for aarch64 run in `qemu-aarch64`.
"""

from .device import EmulatedDevice
from .host import PrivateAdb

__all__ = ["EmulatedDevice", "PrivateAdb"]

import shutil

import pytest

from support.phones import private_adb


@pytest.fixture(autouse=True)
def adb_of_the_tests(monkeypatch):
    """A command that looks for phones starts no server of the user's, which would stay behind."""
    if shutil.which("adb"):
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(private_adb().port))

"""What a user is told who has not installed the extra."""

import sys

from paddleseg_mobileseg.cli import main


def test_command_says_how_to_get_paddledetection(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("paddleseg_mobileseg.detection")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ppdet", None)
    assert main(["detection", "train", "--config", "any.yml"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: paddleseg_mobileseg.detection needs PaddleDetection: pip install 'paddleseg_mobileseg[detection]'"
    )

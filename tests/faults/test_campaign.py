"""The short form of the campaign of damaged files, and that the campaign itself sees what it is to see."""

import hashlib
import json
import os
from pathlib import Path
from random import Random

import pytest

from faults import pool
from faults.__main__ import main
from faults.case import Kind, Special, make_case, write_files
from faults.commands.report import PAGE
from faults.damage import damage_bytes
from faults.judge import judge, message_fault
from faults.kinds import KINDS
from faults.report import markdown
from faults.results import Campaign, Tally, read_campaign
from paddleseg_mobileseg import InputError

# Those whose cases start processes take longer: they get fewer.
CASES = {name: 30 for name in KINDS}
CASES.update(model=4, adb=8, worker=10, program=20, params=24, config=15)


def test_damaged_files_end_in_one_line_or_in_a_result():
    """What `python -m faults run` does with thousands of each."""
    campaign = Campaign(1, {"seconds": 10, "memory": 1 << 30})
    campaign.tallies = {name: Tally() for name in KINDS}
    numbered = [(name, case) for name, count in CASES.items() for case in range(count)]
    pool.read_all(
        numbered, 1, 1, 1 << 30, 10, lambda name, case, answer: campaign.tallies[name].add(case, answer)
    )
    faults = {name: tally.faults for name, tally in campaign.tallies.items() if tally.faults}
    assert not faults, "\n".join(f"{name} {fault}" for name, found in faults.items() for fault in found)
    assert {name: tally.tried for name, tally in campaign.tallies.items()} == CASES
    # Damage that nothing notices, or that nothing survives, would be no trial.
    assert all(tally.outcomes.get("one-line error", 0) > 0 for tally in campaign.tallies.values())


BAD_READERS = """
import os, signal, sys
from pathlib import Path
from faults import kinds
from faults.case import Kind
from paddleseg_mobileseg import InputError

class Bad(Kind):
    mentions = ("file",)
    def honest(self):
        return {"file": b"honest"}
    def damage(self, random):
        return "numbered", {"file": b"damaged"}
    def attempt(self, folder):
        if (folder / "file").read_bytes() == b"honest":
            return
        self.end(folder)

def bad(end):
    return type("Bad", (Bad,), {"end": lambda self, folder: end(folder)})

def refuse(text):
    raise InputError(text)

ENDS = {
    "traceback": lambda folder: [][0],
    "exit": lambda folder: sys.exit(3),
    "crash": lambda folder: os.kill(os.getpid(), signal.SIGSEGV),
    "time": lambda folder: exec("while True: pass"),
    "sleep": lambda folder: signal.pause(),
    "memory": lambda folder: bytearray(1 << 30),
    "hidden memory": lambda folder: hidden(),
    "write": lambda folder: open(folder.parents[1] / "elsewhere", "w").close(),
    "trap": lambda folder: os.system("touch marker"),
    "long": lambda folder: refuse("file " + "x" * 2000),
    "nameless": lambda folder: refuse("it is damaged"),
    "good": lambda folder: refuse("file is damaged; make it again"),
    "works": lambda folder: None,
}

def hidden():
    try:
        bytearray(1 << 30)
    except MemoryError as error:
        raise InputError("file is damaged") from error

kinds.load = lambda name: bad(ENDS[name])()
import faults.child
faults.child.load = kinds.load
faults.child.main(Path(sys.argv[1]))
"""

EXPECTED = {
    "traceback": "traceback",
    "exit": "traceback",
    "crash": "crash",
    "time": "time",
    "sleep": "time",
    "memory": "memory",
    "hidden memory": "memory",
    "write": "side effect",
    "trap": "side effect",
    "long": "message",
    "nameless": "message",
    "good": "one-line error",
    "works": "worked",
}


def test_every_way_to_end_badly_is_seen(monkeypatch, tmp_path):
    """With readers that do it, each in the same child as the one before as long as that lives."""
    program = tmp_path / "bad_readers.py"
    program.write_text(BAD_READERS)
    monkeypatch.setattr(pool, "COMMAND", (str(program),))
    ended = {}
    cases = [(name, 1) for name in EXPECTED]
    pool.read_all(cases, 1, 1, 256 << 20, 1, lambda name, case, answer: ended.update({name: answer["outcome"]}))
    assert ended == EXPECTED


def test_a_case_is_the_same_bytes_whenever_it_is_made():
    class Small(Kind):
        def damage(self, random: Random):
            return damage_bytes(random, bytes(range(200)), [b"other" * 20])

    first = [make_case(Small(), "small", 7, case) for case in range(1, 60)]
    assert first == [make_case(Small(), "small", 7, case) for case in range(1, 60)]
    assert len({content for _, content in first}) > 50
    assert make_case(Small(), "small", 8, 1) != first[0] and make_case(Small(), "other", 7, 1) != first[0]
    # As CPython's generator draws them on any machine.
    drawn = hashlib.sha256(b"".join(content for _, content in first)).hexdigest()
    assert drawn == "373bfe4c3418636567cd6bab6549fdbc9312cbcab4093acf9f7e67a71f2fa374"


def test_files_of_a_case_may_be_anything(tmp_path):
    files = {"a/b": b"x", "fifo": Special("fifo"), "folder": Special("folder"), "zero": Special("link", "/dev/zero")}
    write_files(files, tmp_path)
    assert (tmp_path / "a/b").read_bytes() == b"x" and (tmp_path / "fifo").is_fifo()
    assert (tmp_path / "folder").is_dir() and os.readlink(tmp_path / "zero") == "/dev/zero"


def test_the_honest_file_must_work():
    tally = Tally()
    fault = tally.add(0, {"what": "honest", "outcome": "one-line error", "detail": "x", "seconds": 0, "peak_bytes": 0})
    assert fault.outcome == "wrong" and tally.anything_else == {"wrong": 1}


@pytest.mark.parametrize("hidden", ["\x1b[2J", "\0", "\u202e", "\u2028", "\x85"])
def test_what_a_terminal_would_obey_is_seen(hidden):
    assert "control character" in message_fault(f"file {hidden}", ("file",))
    assert message_fault("file \\x1b[2J \udcff", ("file",)) is None


def test_a_message_may_hold_a_long_path(tmp_path):
    """The limit is of what the plugin says, not of where the file lies."""
    kind = Kind()
    deep = tmp_path / ("x" * 200)
    assert judge(kind, InputError(f"{deep} {'y' * 580}"), deep).outcome == "one-line error"


def test_results_are_written_read_and_shown(tmp_path, capsys):
    campaign = Campaign(3, {"seconds": 10, "memory": 1 << 30})
    tally = campaign.tallies["png"] = Tally()
    tally.add(0, {"what": "honest", "outcome": "worked", "detail": "", "seconds": 0.5, "peak_bytes": 1 << 20})
    tally.add(1, {"what": "cut", "outcome": "crash", "detail": "SIGSEGV", "seconds": 0.5, "peak_bytes": 3 << 20})
    path = tmp_path / "results.json"
    campaign.write(path)
    assert read_campaign(path) == campaign
    assert main(["report", str(path)]) == 0
    shown = capsys.readouterr().out
    assert shown == markdown(campaign)
    assert "| pictures, PNG | 2 | 0 | 1 | 1 crash | 500.0 | 0.5 | 3 |" in shown
    path.write_text(json.dumps({"schema": 9}))
    assert main(["report", str(path)]) == 2
    assert "is of schema 9" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, said",
    [
        (["rum"], "there is no command 'rum' (did you mean run?)"),
        (["run", "--kinds", "pnj"], "there is no kind 'pnj' (did you mean png?)"),
        (["run", "--cases", "0"], "take numbers of 1 or more"),
    ],
)
def test_a_wrong_word_is_named(capsys, words, said):
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_the_committed_table_has_thousands_of_each_and_no_fault():
    path = Path(pool.__file__).parent / "results" / "long.json"
    campaign = read_campaign(path)
    assert list(campaign.tallies) == list(KINDS)
    assert {name: tally.faults for name, tally in campaign.tallies.items() if tally.faults} == {}
    assert markdown(campaign) in PAGE.read_text(encoding="utf-8")

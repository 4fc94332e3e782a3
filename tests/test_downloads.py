"""Downloads from a server that truncates, stalls, redirects and lies: whole in the end, or refused, nothing left."""

import pickle
import threading
import time

import numpy as np
import pytest
from requests import Response

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.checkpoints.reader import read_checkpoint
from paddleseg_mobileseg.checkpoints.remote import fetch_checkpoint
from paddleseg_mobileseg.downloads import fetching
from paddleseg_mobileseg.downloads.addresses import MIRROR, check_address, keyed_name
from paddleseg_mobileseg.downloads.fetching import OFFLINE, fetch
from support.faulty_server import (
    FaultyServer,
    body,
    chunked,
    endless,
    raw,
    redirect,
    stall,
    status,
    trickle,
)

FILE = pickle.dumps({"weight": np.arange(40_000, dtype="f4")})
OTHER = pickle.dumps({"weight": np.arange(40_000, dtype="f4")[::-1].copy()})
SIZE = len(FILE)
TAG, OTHER_TAG = {"ETag": '"one"'}, {"ETag": '"two"'}
DATE = {"Last_Modified": "Sat, 01 Apr 2023 00:00:00 GMT"}
HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"


@pytest.fixture(scope="module")
def running():
    with FaultyServer() as server:
        yield server


@pytest.fixture
def server(running, monkeypatch):
    """With a short patience, and no variables of the surroundings."""
    running.steps.clear()
    running.asked.clear()
    monkeypatch.setattr(fetching, "STALL_S", 0.3)
    monkeypatch.setattr(fetching, "pause", lambda tries: 0)
    for name in (MIRROR, OFFLINE, "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    return running


def dropped(*at, **headers):
    """Answers that break off at those bytes, and then a whole one."""
    return [*(body(FILE, upto=each, **headers) for each in at), body(FILE, **headers)]


def misplaced(handler):
    handler.head(206, Content_Range=f"bytes 0-{SIZE - 1}/{SIZE}", Content_Length=SIZE, ETag='"one"')
    handler.wfile.write(FILE)


def changed_in_place(handler):
    """The rest of another file of the same length, by a server that does not know If-Range."""
    handler.head(206, Content_Range=f"bytes 9000-{SIZE - 1}/{SIZE}", Content_Length=SIZE - 9000, ETag='"two"')
    handler.wfile.write(OTHER[9000:])


def endless_redirect(handler):
    handler.head(302, Location="/file")
    for _ in range(1024):
        handler.wfile.write(bytes(1 << 20))
    pytest.fail("somebody read a gigabyte that comes with a redirect")


# What the server does; how often it is asked; where it is asked to go on.
SURVIVED = {
    "length is told": ([body(FILE)], 1, []),
    "length is not told": ([body(FILE, length=None)], 1, []),
    "length is no number": ([body(FILE, length="many")], 1, []),
    "chunked": ([chunked(FILE)], 1, []),
    "chunked and cut, then whole": ([chunked(FILE, whole=False), chunked(FILE)], 2, []),
    "500, then whole": ([status(500), body(FILE)], 2, []),
    "503 and 429, then whole": ([status(503), status(429), body(FILE)], 3, []),
    "hangs up before it answers": ([raw(b""), body(FILE)], 2, []),
    "does not answer at first": ([stall, body(FILE)], 2, []),
    "breaks off six times": (dropped(9000, 9001, 20_000, 50_000, 90_000, 150_000, **TAG), 7,
                             [9000, 9001, 20_000, 50_000, 90_000, 150_000]),
    "breaks off, known by its date": (dropped(9000, **DATE), 2, [9000]),
    "breaks off, nothing to know it by": (dropped(9000, 90_000, 20_000), 4, []),
    "breaks off, known by a weak tag": (dropped(9000, ETag='W/"one"'), 2, []),
    "stalls, then goes on": ([body(FILE, upto=9000, then=stall, **TAG), body(FILE, **TAG)], 2, [9000]),
    "trickles, then goes on": ([body(FILE[:9000] + bytes(SIZE), upto=9000, length=SIZE, then=trickle),
                                body(FILE)], 2, []),
    "ignores ranges": ([body(FILE, upto=9000, **TAG), body(FILE, ranges=False, **TAG)], 2, [9000]),
    "another file meanwhile": ([body(OTHER, upto=9000, **OTHER_TAG), body(FILE, **TAG)], 2, [9000]),
    "another file meanwhile, and knows no If-Range": (
        [body(FILE, upto=9000, **TAG), changed_in_place, body(FILE, **TAG)], 3, [9000]),
    "gives another range": ([body(FILE, upto=9000, **TAG), misplaced, body(FILE, **TAG)], 3, [9000]),
    "refuses the range": ([body(FILE, upto=9000, **TAG), status(416), body(FILE, **TAG)], 3, [9000]),
    "claims too much, then not": ([body(FILE, length=SIZE + 5), body(FILE)], 2, []),
    "redirects in every way": (
        [redirect("/file", 301), redirect("/file", 302), redirect("/file?x=1", 303)], 3, []),
}  # fmt: skip


@pytest.mark.parametrize("name", SURVIVED)
def test_the_whole_file_arrives(name, server, tmp_path):
    steps, asked, continued = SURVIVED[name]
    server.steps = {"/file": steps, "/file?x=1": [redirect("//" + server.address[7:] + "/end", 307)],
                    "/end": [redirect("end2", 308)], "/end2": [body(FILE)]}
    fetch(f"{server.address}/file", tmp_path / "file", progress=False)
    assert (tmp_path / "file").read_bytes() == FILE
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    own = [each for each in server.asked if each[0] == "/file"]
    assert len(own) == asked and [range_ for _, range_, _ in own if range_] == [f"bytes={at}-" for at in continued]


REFUSED = {
    "404": ([status(404)], "the server answers 404 Not Found; download it by hand", 1),
    "403": ([status(403)], "the server answers 403", 1),
    "206 that nobody asked for": ([status(206)], "the server answers 206", 1),
    "500 for ever": ([status(500)], "the server answers 500 .*, after 5 tries", 5),
    "page": ([body(HTML)], "it is a web page or XML, not a file of weights or data: <!DOCTYPE html>", 1),
    "page without length": ([body(b"\xef\xbb\xbf \r\n" + HTML, length=None)], "it is a web page", 1),
    "page, chunked": ([chunked(HTML * 1000)], "it is a web page", 1),
    "XML": ([body(b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>')], "it is a web page or XML", 1),
    "JSON": ([body(b'{"error": "not found"}')], "it is JSON, not a file of weights or data: .\"error\"", 1),
    "empty": ([body(b"")], "it is empty", 1),
    "breaks off for ever at one place": (dropped(*[9000] * 20), "broke after 9000 bytes, after 5 tries", 5),
    "claims too much": ([body(FILE, length=SIZE + 5)], f"broke after {SIZE} bytes, after 5 tries", 5),
    "two lengths": ([body(FILE, Content_length=5)], "cannot fetch", 1),
    "does not answer": ([stall], "the server does not answer, after 5 tries", 5),
    "stalls": ([body(FILE, upto=9000, then=stall)], "nothing came after 9000 bytes, after 5 tries", 5),
    "trickles": ([body(FILE, upto=9000, then=trickle)], "hardly anything came after .* after 5 tries", 5),
    "no HTTP": ([raw(b"SSH-2.0-OpenSSH\r\n")], "cannot fetch", None),
    "hangs up": ([raw(b"")], "the server hung up, after 5 tries", 5),
    "redirects to itself": ([redirect("/file")], "it redirects more than 10 times", 11),
    "redirects to a file": ([redirect("file:///etc/passwd")], "file:///etc/passwd: it is no address of http", 1),
    "redirects to FTP": ([redirect("ftp://127.0.0.1/x")], "no address of http or https", 1),
    "redirects to nowhere": ([redirect("http://[")], "it redirects to what is no address", 1),
    "redirects with an endless body": ([endless_redirect], "it redirects more than 10 times", 11),
    "redirects to a page": ([redirect("https://drive.google.com/file/d/1/view")], "a page to download from by hand", 1),
    "claims more than is taken": ([body(FILE, length=1 << 40)], "it has 1099511627776 bytes, more than the 1000000", 1),
    "never ends": ([endless], "it is longer than the 1000000 bytes that are taken", 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_had_is_refused_in_one_line_and_leaves_nothing(name, server, tmp_path):
    steps, message, asked = REFUSED[name]
    server.steps = {"/file": steps}
    with pytest.raises(InputError, match=message) as refusal:
        fetch(f"{server.address}/file", tmp_path / "file", progress=False, most_bytes=1_000_000)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 500
    assert list(tmp_path.iterdir()) == []
    assert asked in (None, len(server.asked))


def test_https_does_not_lead_to_http(monkeypatch, tmp_path):
    reply = Response()
    reply.status_code, reply.headers["Location"], reply.raw = 302, "http://127.0.0.1:9/file", None
    monkeypatch.setattr(reply, "close", lambda: None)
    monkeypatch.setattr(fetching, "_answer", lambda *_: reply)
    with pytest.raises(InputError, match="it leads to http://127.0.0.1:9/file, which is not encrypted"):
        fetch("https://example.org/file", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_the_next_call_goes_on_where_one_was_ended(server, tmp_path, monkeypatch):
    """By too many tries, and by Ctrl-C."""
    server.steps = {"/file": [*[body(FILE, upto=9000, **TAG)] * 6, body(FILE, upto=50_000, **TAG), body(FILE, **TAG)]}
    with pytest.raises(InputError, match="9000 bytes are kept, and the next call goes on from there"):
        fetch(f"{server.address}/file", tmp_path / "file")
    assert {each.name for each in tmp_path.iterdir()} == {"file.part", "file.part.json"}

    def interrupt(tries):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(fetching, "pause", interrupt)
        fetch(f"{server.address}/file", tmp_path / "file")
    fetch(f"{server.address}/file", tmp_path / "file")
    assert server.asked[-1] == ("/file", "bytes=50000-", '"one"')
    assert (tmp_path / "file").read_bytes() == FILE and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda note, part: note.write_text("{"),
        lambda note, part: note.write_text(note.read_text().replace('"name": "', '"name": "other')),
        lambda note, part: note.unlink(),
        lambda note, part: part.write_bytes(bytes(2 * SIZE)),
    ],
    ids=["damaged note", "of another address", "no note", "longer than the file"],
)
def test_a_part_that_is_of_something_else_is_not_built_upon(damage, server, tmp_path):
    server.steps = {"/file": [*[body(FILE, upto=9000, **TAG)] * 6, body(FILE, **TAG)]}
    with pytest.raises(InputError, match="9000 bytes are kept"):
        fetch(f"{server.address}/file", tmp_path / "file")
    damage(tmp_path / "file.part.json", tmp_path / "file.part")
    server.steps["/file"] = [body(FILE, **TAG)]
    fetch(f"{server.address}/file", tmp_path / "file")
    assert server.asked[-1][1] is None and (tmp_path / "file").read_bytes() == FILE


PAGES = {
    "https://drive.google.com/file/d/1eIBkr2x5jv4eNaNUQpC-91tbIlktXSPi/view": "to download from by hand: open it",
    "https://pan.baidu.com/s/1LVcgdzX1TjtIQE_BnXB4RA": "a page to download from by hand",
    "https://1drv.ms/u/s!abc": "a page to download from by hand",
    "https://some-my.sharepoint.com/:u:/g/x": "a page to download from by hand",
    "https://www.dropbox.com/s/abc/model.pdparams?dl=0": "end the address with dl=1",
    "https://github.com/a/b/blob/main/x.pdparams": "the file is at https://github.com/a/b/raw/main/x.pdparams",
    "https://huggingface.co/a/b/blob/main/x.safetensors": "the file is at https://huggingface.co/a/b/resolve/main/x",
    "ftp://example.org/x.pdparams": "no address of http or https",
    "file:///etc/passwd": "no address of http or https",
    "https:///x.pdparams": "no address of http or https",
    "http://[x": "is no address",
}


@pytest.mark.parametrize("address", PAGES)
def test_addresses_that_cannot_work_are_said_before_anything_is_asked(address, monkeypatch, tmp_path):
    monkeypatch.setattr(fetching, "_answer", lambda *_: pytest.fail("it was asked for"))
    with pytest.raises(InputError, match=PAGES[address].replace("?", r"\?")):
        fetch_checkpoint(address, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_addresses_that_give_a_file_are_not_taken_for_pages():
    for address in ("https://drive.google.com/uc?export=download&id=1", "https://www.dropbox.com/s/a/x.pdparams?dl=1",
                    "https://github.com/a/b/raw/main/x.pdparams", "https://bj.bcebos.com/blob/x.pdparams"):
        check_address(address)


def test_a_password_in_an_address_is_not_shown(server, tmp_path, capsys):
    with pytest.raises(InputError, match="the server answers 404") as refusal:
        fetch(server.address.replace("//", "//name:secret@") + "/x", tmp_path / "x")
    assert "secret" not in str(refusal.value) + capsys.readouterr().err
    server.steps = {"/a/x.pdparams": [body(FILE)]}
    path = fetch_checkpoint(server.address.replace("//", "//name:secret@") + "/a/x.pdparams", tmp_path)
    assert all(b"secret" not in each.read_bytes() for each in path.parent.iterdir())


def test_mirror_proxy_and_offline(server, tmp_path, monkeypatch):
    server.steps = {"/files/a/x.pdparams?v=1": [body(FILE)], "/b/x.pdparams": [body(OTHER)]}
    monkeypatch.setenv("HTTP_PROXY", server.address)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    proxied = fetch_checkpoint("http://weights.invalid/b/x.pdparams", tmp_path)
    monkeypatch.setenv("MOBILESEG_MIRROR", f"{server.address}/files/")
    mirrored = fetch_checkpoint("https://weights.invalid/a/x.pdparams?v=1", tmp_path)
    assert (proxied.read_bytes(), mirrored.read_bytes()) == (OTHER, FILE)
    monkeypatch.setenv("MOBILESEG_OFFLINE", "1")
    assert fetch_checkpoint("https://weights.invalid/a/x.pdparams?v=1", tmp_path) == mirrored
    with pytest.raises(InputError, match=f"OFFLINE is set, and {server.address}/files/c/x.pdparams would have"):
        fetch_checkpoint("https://weights.invalid/c/x.pdparams", tmp_path)
    monkeypatch.setenv("MOBILESEG_OFFLINE", "0")
    monkeypatch.setenv("MOBILESEG_MIRROR", "mirror.example")
    with pytest.raises(InputError, match="MOBILESEG_MIRROR must be an address such as https://"):
        fetch_checkpoint("https://weights.invalid/c/x.pdparams", tmp_path)
    assert len(server.asked) == 2


def test_files_of_one_name_at_two_addresses_are_two(server, tmp_path):
    server.steps = {f"/{run}/best_model/model.pdparams": [body(file)] for run, file in (("a", FILE), ("b", OTHER))}
    first, second = (
        fetch_checkpoint(f"{server.address}/{run}/best_model/model.pdparams", tmp_path) for run in ("a", "b")
    )
    assert first.parent.name.startswith("best_model-") and first.parent != second.parent
    assert (first.read_bytes(), second.read_bytes()) == (FILE, OTHER)
    assert keyed_name("http://x/%2e%2e/../m.pdparams").startswith("file-")


def test_another_file_at_a_known_address_is_refused_until_its_lock_goes(server, tmp_path, capsys):
    address = f"{server.address}/a/x.pdparams"
    server.steps = {"/a/x.pdparams": [body(FILE), body(OTHER)]}
    path = fetch_checkpoint(address, tmp_path)
    path.write_bytes(FILE[:-5])
    with pytest.raises(InputError, match="gives another file than before: its SHA-256 is .*; if that is meant, delete"):
        fetch_checkpoint(address, tmp_path)
    assert "was changed since it was fetched; it is fetched again" in capsys.readouterr().err
    lock = path.with_name("x.pdparams.lock")
    assert {each.name for each in path.parent.iterdir()} == {"x.pdparams", "x.pdparams.lock"}
    lock.write_text("{")
    with pytest.raises(InputError, match="x.pdparams.lock is damaged; delete it"):
        fetch_checkpoint(address, tmp_path)
    lock.unlink()
    path.unlink()
    assert fetch_checkpoint(address, tmp_path).read_bytes() == OTHER and lock.exists()


@pytest.mark.parametrize(
    "steps, message",
    [
        ([body(FILE, length=SIZE - 5)], "it is damaged or not a checkpoint"),
        ([body(FILE[:-5], length=None)], "it is damaged or not a checkpoint"),
        ([body(b"\x1f\x8b" + FILE, Content_Encoding="gzip")], "it is damaged or not a checkpoint"),
        ([body(b"just a text")], "it is damaged or not a checkpoint"),
        ([body(pickle.dumps([1]))], "it is refused: it holds a list"),
        ([body(HTML)], "it is a web page"),
    ],
    ids=["claims too little", "cut without a length", "packed", "text", "no table", "page"],
)
def test_what_is_no_checkpoint_is_refused_and_removed(steps, message, server, tmp_path):
    server.steps = {"/a/x.pdparams": [*steps, body(FILE)]}
    with pytest.raises(InputError, match=message) as refusal:
        fetch_checkpoint(f"{server.address}/a/x.pdparams", tmp_path)
    assert "\n" not in str(refusal.value) and list(tmp_path.iterdir()) == []
    assert list(read_checkpoint(fetch_checkpoint(f"{server.address}/a/x.pdparams", tmp_path))) == ["weight"]


def test_what_was_put_there_by_hand_is_used_if_it_is_whole(server, tmp_path, capsys):
    address = f"{server.address}/a/x.pdparams"
    path = tmp_path / keyed_name(address) / "x.pdparams"
    path.parent.mkdir()
    path.write_bytes(HTML)
    with pytest.raises(InputError, match="which lies where a download would be kept: it is damaged .*; delete it"):
        fetch_checkpoint(address, tmp_path)
    path.write_bytes(FILE)
    assert fetch_checkpoint(address, tmp_path) == path and server.asked == []

    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.pdparams").write_bytes(OTHER)  # as PaddleSeg would have kept it
    server.steps = {"/b/x.pdparams": [body(FILE)]}
    assert fetch_checkpoint(f"{server.address}/b/x.pdparams", tmp_path).read_bytes() == FILE
    assert "is not used: nothing says which address it is from; give its path" in capsys.readouterr().err


def test_several_at_once_fetch_once(server, tmp_path, capsys):
    def slowly(handler):
        time.sleep(0.2)
        body(FILE)(handler)

    server.steps = {"/a/x.pdparams": [slowly]}
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(fetch_checkpoint(f"{server.address}/a/x.pdparams", tmp_path)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1 and len(found) == 4 and len(server.asked) == 1
    assert "another process fetches into" in capsys.readouterr().err

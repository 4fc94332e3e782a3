"""Downloads of checkpoints and data sets: whole or not there, and nothing is written outside their folder."""

import http.server
import io
import tarfile
import threading
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg.utils import download, seg_env, utils

from paddleseg_mobileseg import InputError, StrideFormer_Tiny, load_weights
from paddleseg_mobileseg.checkpoints import archives
from paddleseg_mobileseg.checkpoints.reader import write_checkpoint
from paddleseg_mobileseg.downloads.addresses import keyed_name
from support.faulty_server import FaultyServer, body
from support.torch_files import write_zip


class Handler(http.server.SimpleHTTPRequestHandler):
    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        if self.path.endswith("/cut.pdparams"):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half of it")
        else:
            super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A folder, and the address under which its files can be fetched."""
    folder = tmp_path_factory.mktemp("served")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}/models"
    server.shutdown()
    server.server_close()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where PaddleSeg keeps what it fetched; nobody waits before trying again."""
    monkeypatch.setattr("paddleseg_mobileseg.downloads.fetching.pause", lambda tries: 0)
    for name in ("PRETRAINED_MODEL_HOME", "TMP_HOME"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(seg_env, name, str(tmp_path / name))
    return tmp_path / "PRETRAINED_MODEL_HOME"


def tar(path, rows, mode="w:gz"):
    """Write an archive of (name, content) and of (name, type, target of a link)."""
    with tarfile.open(path, mode) as archive:
        for name, *rest in rows:
            info = tarfile.TarInfo(name)
            if len(rest) == 2:
                info.type, info.linkname = rest
                archive.addfile(info)
            else:
                info.size = len(rest[0])
                archive.addfile(info, io.BytesIO(rest[0]))


def zipped(path, rows):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content, *mode in rows:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode[0] << 16 if mode else 0, zipfile.ZIP_DEFLATED
            archive.writestr(info, content)


def weights(folder, value):
    model = paddle.nn.Linear(2, 3)
    model.weight.set_value(paddle.full([2, 3], value))
    paddle.save(model.state_dict(), str(folder / "model.pdparams"))
    return (folder / "model.pdparams").read_bytes()


@pytest.mark.parametrize("kind", ["x.tar.gz", "x.tgz", "x.tar", "x.tar.xz", "x.zip", "x.pdparams"])
def test_checkpoints_are_fetched_once(kind, served, home):
    folder, address = served
    (folder / "models" / kind[2:]).mkdir(parents=True, exist_ok=True)
    path, value = folder / "models" / kind[2:] / kind, float(len(kind))
    rows = [("some/readme", b"text"), ("some/model.pdparams", weights(folder, value))]
    if kind == "x.zip":
        zipped(path, rows)
    elif kind == "x.pdparams":
        path.write_bytes(rows[1][1])
    else:
        tar(path, rows, {"x.tar": "w", "x.tar.xz": "w:xz"}.get(kind, "w:gz"))
    for _ in range(2):
        model = paddle.nn.Linear(2, 3)
        Handler.asked.clear()
        # PaddleSeg takes the ending .tar.xz for no archive.
        address_of_kind = f"{address}/{kind[2:]}/{kind}"
        if kind == "x.tar.xz":
            download.download_file_and_uncompress(address_of_kind, extrapath=str(home), filename="model.pdparams")
            utils.load_pretrained_model(model, str(home / keyed_name(address_of_kind) / "model.pdparams"))
        else:
            utils.load_pretrained_model(model, address_of_kind)
        np.testing.assert_array_equal(model.weight.numpy(), np.full((2, 3), value, "f4"))
    assert Handler.asked == []
    name = "model.pdparams" if kind != "x.pdparams" else kind
    assert {each.name for each in home.rglob("*") if each.is_file()} == {name, f"{name}.lock"}


def test_our_networks_fetch_pytorch_files_and_safetensors(served, home):
    """PaddleSeg would unpack a PyTorch file, which is a zip archive."""
    folder, address = served
    tensors = {name: value.numpy() for name, value in StrideFormer_Tiny().state_dict().items()}
    (folder / "models").mkdir(exist_ok=True)
    write_zip(folder / "models" / "x.pth", tensors)
    write_checkpoint(folder / "models" / "x.safetensors", tensors)
    for name in ("x.pth", "x.safetensors"):
        network = StrideFormer_Tiny(pretrained=f"{address}/{name}")
        np.testing.assert_array_equal(network.stem.conv.weight.numpy(), tensors["stem.conv.weight"])


def test_data_sets_are_unpacked_whole(served, tmp_path):
    folder, address = served
    zipped(folder / "set.zip", [("inner/", b""), ("inner/a.txt", b"a"), ("inner/deeper/b.txt", b"b")])
    root = address.rpartition("/")[0]
    for extraname, expected in ((None, "set"), ("other", "other")):
        found = download.download_file_and_uncompress(
            f"{root}/set.zip", savepath=str(tmp_path), extrapath=str(tmp_path), extraname=extraname
        )
        assert Path(found) == tmp_path / expected
        assert (tmp_path / expected / "deeper" / "b.txt").read_bytes() == b"b"
    files = sorted(str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file())
    assert files == ["other/a.txt", "other/deeper/b.txt", "set/a.txt", "set/deeper/b.txt"]


def test_a_data_set_is_gone_on_with_where_the_last_call_ended(home, tmp_path):
    zipped(tmp_path / "set.zip", [("inner/a.txt", bytes(range(256)) * 100)])
    content = (tmp_path / "set.zip").read_bytes()
    with FaultyServer() as server:
        server.steps = {"/set.zip": [*[body(content, upto=100, ETag='"a"')] * 6, body(content, ETag='"a"')]}
        fetch = partial(download.download_file_and_uncompress, f"{server.address}/set.zip", extrapath=str(home))
        with pytest.raises(InputError, match="100 bytes are kept"):
            fetch()
        assert fetch() == str(home / "set")
        assert server.asked[-1][1] == "bytes=100-"
    assert [str(each.relative_to(home)) for each in home.rglob("*")] == ["set", "set/a.txt"]


GOOD = ("some/model.pdparams", b"x")
OUTSIDE = "leads out of the folder"
ATTACKS = {
    "dots": (tar, [GOOD, ("../../escaped", b"x")], OUTSIDE),
    "dots within": (tar, [GOOD, ("some/../../escaped", b"x")], OUTSIDE),
    "absolute": (tar, [GOOD, ("{outside}/escaped", b"x")], OUTSIDE),
    "symbolic link": (tar, [GOOD, ("some/l", tarfile.SYMTYPE, "{outside}"), ("some/l/escaped", b"x")], "no plain file"),
    "model is a link": (tar, [("some/model.pdparams", tarfile.SYMTYPE, "{outside}/secret")], "no plain file"),
    "hard link": (tar, [GOOD, ("some/l", tarfile.LNKTYPE, "{outside}/secret")], "no plain file"),
    "device": (tar, [GOOD, ("some/null", tarfile.CHRTYPE, "")], "no plain file"),
    "pipe": (tar, [GOOD, ("some/pipe", tarfile.FIFOTYPE, "")], "no plain file"),
    "zip with dots": (zipped, [GOOD, ("../../escaped", b"x")], OUTSIDE),
    "zip with an absolute name": (zipped, [GOOD, ("{outside}/escaped", b"x")], OUTSIDE),
    "zip with a link": (zipped, [GOOD, ("some/l", "{outside}", 0o120777)], "no plain file"),
    "tar bomb": (tar, [("some/zeros", bytes(10**6)), GOOD], "unpacks to more than 20 times its size"),
    "zip bomb": (zipped, [("some/zeros", bytes(10**6)), GOOD], "unpacks to more than 20 times its size"),
    "no model": (tar, [("some/other.pdparams", b"x")], "holds no model.pdparams"),
    "model is a folder": (tar, [("some/model.pdparams", tarfile.DIRTYPE, "")], "holds no model.pdparams"),
    "damaged": (lambda path, rows: path.write_bytes(b"\x1f\x8bno archive"), [], "damaged"),
    "no archive": (lambda path, rows: path.write_bytes(b"no archive at all"), [], "damaged or no archive"),
}  # fmt: skip


# A data set needs no file of one name.
CASES = [
    (load, name) for load in ("PaddleSeg", "ours", "data set") for name, (*_, message) in ATTACKS.items()
    if load != "data set" or not message.startswith("holds no")
]  # fmt: skip


@pytest.mark.parametrize("load, name", CASES)
def test_archives_that_write_elsewhere_are_refused_and_leave_nothing(load, name, served, home, tmp_path, monkeypatch):
    write, rows, message = ATTACKS[name]
    monkeypatch.setattr(archives, "_SLACK", 0 if "bomb" in name else archives._SLACK)
    folder, address = served
    (folder / "models").mkdir(exist_ok=True)
    (tmp_path / "secret").write_text("secret")
    fill = partial(str.format, outside=tmp_path)
    rows = [tuple(fill(part) if isinstance(part, str) else part for part in row) for row in rows]
    ending = "zip" if write is zipped else "tar.gz"
    write(folder / "models" / f"x.{ending}", rows)
    before = set(tmp_path.rglob("*"))
    for _ in range(2):
        with pytest.raises(InputError, match=message) as refusal:
            if load == "ours":
                load_weights(paddle.nn.Linear(2, 3), f"{address}/x.{ending}")
            elif load == "data set":
                download.download_file_and_uncompress(f"{address}/x.{ending}", extrapath=str(home))
            else:
                utils.load_entire_model(paddle.nn.Linear(2, 3), f"{address}/x.{ending}")
        assert "\n" not in str(refusal.value) and "nothing of it was kept" in str(refusal.value)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "way, message",
    [
        ("/missing.pdparams", "the server answers 404"),
        ("/cut.pdparams", "the connection broke after 10 bytes, after 5 tries"),
        ("/a%5c..%5cx.pdparams", "names no file to keep"),
        ("/", "names no file to keep: ''"),
    ],
)
def test_what_cannot_be_fetched_whole_leaves_nothing(way, message, served, home):
    _, address = served
    with pytest.raises(InputError, match=message) as refusal:
        utils.load_entire_model(paddle.nn.Linear(2, 3), address + way)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 600
    assert list(home.rglob("*")) == []


def test_other_schemes_are_not_fetched(home, tmp_path):
    (tmp_path / "x.pdparams").write_bytes(b"x")
    with pytest.raises(InputError, match="cannot fetch"):
        utils.load_entire_model(paddle.nn.Linear(2, 3), f"file://localhost{tmp_path}/x.pdparams")
    assert list(home.rglob("*")) == []

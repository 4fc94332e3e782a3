"""What the numbers and colours of labels are taken for, and what is said where they fit nothing."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.projects.project import FaultySamples
from support.project_data import HEIGHT, WIDTH, init, label, write_label, write_picture, written


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def write(data, rng, values, mode="L", suffix="png", **options):
    """Three pairs; `values` gives the label of each by its number."""
    labels = {}
    for index, name in enumerate("abc"):
        labels[name] = values(index)
        write_picture(data / "images" / f"{name}.jpg", rng)
        write_label(data / "labels" / f"{name}.{suffix}", labels[name], mode, **options)
    return labels


def by_name(project):
    return {name[-1]: values for name, values in written(project).items()}


def check(project, labels, table):
    found = by_name(project)
    for name, values in labels.items():
        np.testing.assert_array_equal(found[name], np.vectorize(table.get)(values), err_msg=name)


# What the labels hold, what the user says, and the class of each number.
NUMBERS = {
    "black and white": ([0, 255], {}, {0: 0, 255: 1}, ("background", "foreground")),
    "black and white with a name": ([0, 255], {"classes": ["crack"]}, {0: 0, 255: 1}, ("background", "crack")),
    "0 and 1 with a name": ([0, 1], {"classes": ["crack"]}, {0: 0, 1: 1}, ("background", "crack")),
    "void in the middle": ([0, 1, 2, 3], {"void": ["1"]}, {0: 0, 1: 255, 2: 1, 3: 2}, ("0", "1", "2")),
    "void first": ([0, 1, 2], {"void": ["0"], "classes": ["a", "b"]}, {0: 255, 1: 0, 2: 1}, ("a", "b")),
    "void by name": ([0, 1, 2], {"classes": ["a", "void", "b"]}, {0: 0, 1: 255, 2: 1}, ("a", "b")),
    "void by both": ([0, 1, 2], {"classes": ["a", "void", "b"], "void": ["1"]}, {0: 0, 1: 255, 2: 1}, ("a", "b")),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_become_classes(case, tmp_path, rng):
    values, wishes, table, names = NUMBERS[case]
    labels = write(tmp_path / "data", rng, lambda index: label(rng, values))
    project = init(tmp_path / "project", tmp_path / "data", **wishes)
    check(project, labels, table)
    assert project.classes.names == names
    assert project.converted == (0 if all(value == place for value, place in table.items()) else 3)


def test_deep_pngs_and_grey_rgb_hold_numbers(tmp_path, rng):
    for mode, stored in (("I;16", lambda values: values), ("RGB", lambda values: np.stack([values] * 3, -1))):
        labels = write(tmp_path / mode, rng, lambda index: stored(label(rng, [0, 1, 2])), mode)
        found = by_name(init(tmp_path / f"{mode} project", tmp_path / mode))
        for name, values in labels.items():
            np.testing.assert_array_equal(found[name], values if values.ndim == 2 else values[..., 0])


def grey_png(values, bits):
    """A PNG of 2 or 4 bits a pixel, which Pillow reads but does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    together = 8 // bits
    packed = sum(values[:, place::together] << (8 - bits * (place + 1)) for place in range(together)).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("bits", [2, 4])
def test_pngs_of_few_bits_hold_the_numbers_that_were_stored(bits, tmp_path, rng):
    """Pillow gives 85 for the 1 of two bits, and 17 for that of four."""
    labels = write(tmp_path / "data", rng, lambda index: label(rng, [0, 1, 2]))
    for name, values in labels.items():
        (tmp_path / "data" / "labels" / f"{name}.png").write_bytes(grey_png(values, bits))
    check(init(tmp_path / "project", tmp_path / "data"), labels, {0: 0, 1: 1, 2: 2})


def test_pictures_turned_by_exif_are_pointed_out(tmp_path, rng):
    write(tmp_path / "data", rng, lambda index: label(rng, [0, 1]))
    exif = Image.Exif()
    exif[274] = 3
    path = tmp_path / "data" / "images" / "b.jpg"
    Image.open(path).save(path, exif=exif)
    project = init(tmp_path / "project", tmp_path / "data")
    assert "1 picture is turned by EXIF when read, such as b.jpg: see that labels fit" in project.notes


def test_grey_levels_and_colours_without_names_are_listed_for_the_user(tmp_path, rng):
    """The list that is written can be filled in and given back."""
    for kind, mode, palette in (("grey", "L", [0, 85, 170]), ("rgb", "RGB", [[0, 0, 0], [200, 0, 0], [0, 0, 200]])):
        data, template = tmp_path / kind, tmp_path / f"{kind} project.classes.txt"
        shares = lambda index: np.repeat([0] * 5 + [1] * 3 + [2] * 2, 120).reshape(HEIGHT, WIDTH)  # noqa: E731
        write(data, rng, lambda index: np.array(palette)[shares(index)], mode)
        with pytest.raises(InputError, match="hold 3 colours: #000000 50.00 %, #.* 30.00 %, #.* 20.00 %; name them"):
            init(tmp_path / f"{kind} project", data)
        assert not (tmp_path / f"{kind} project").exists()
        with pytest.raises(InputError, match="must give each of them a name"):
            init(tmp_path / f"{kind} project", data)
        text = template.read_text().replace("class_0", "void").replace("class_1", "cat").replace("class_2", "dog")
        template.write_text(text)
        project = init(tmp_path / f"{kind} project", data, classes=[str(template)])
        assert project.classes.names == ("cat", "dog")
        np.testing.assert_array_equal(by_name(project)["a"], np.array([255, 0, 1])[shares(0)])


def test_palette_decides_where_the_classes_are_in_another_order(tmp_path, rng):
    palette = [9, 9, 9, 0, 0, 200, 200, 0, 0] + [0, 0, 0] * 253
    labels = write(tmp_path / "data", rng, lambda index: label(rng, [0, 1, 2]), "P", palette=palette)
    (tmp_path / "data" / "labels.txt").write_text("red #c80000\nblue #0000c8\nground #090909\n")
    project = init(tmp_path / "project", tmp_path / "data")
    assert project.classes.names == ("red", "blue", "ground")
    check(project, labels, {0: 2, 1: 1, 2: 0})


WRONG = {
    "number outside": ([0, 1, 7], {"classes": ["a", "b"]}, "hold 7 .*the 2 classes stand for 0 to 1; .* --void 7"),
    "one class": ([0], {}, "the labels hold 0, which leaves 1 class to tell apart"),
    "a class twice": ([0, 1], {"classes": ["a", "a"]}, "--classes lists the class a twice"),
    "no such list": ([0, 1], {"classes": ["no.txt"]}, "cannot read no.txt"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_fits_nothing_is_one_line(case, tmp_path, rng):
    values, wishes, message = WRONG[case]
    write(tmp_path / "data", rng, lambda index: label(rng, values))
    with pytest.raises(InputError, match=message):
        init(tmp_path / "project", tmp_path / "data", **wishes)
    assert not (tmp_path / "project").exists()


def test_unknown_colour_is_named_with_its_share_and_file(tmp_path, rng):
    colours = np.array([[0, 0, 0], [9, 0, 0], [0, 0, 9]])
    write(tmp_path / "data", rng, lambda index: colours[label(rng, [0, 1, 2])], "RGB")
    (tmp_path / "data" / "classes.txt").write_text("a #000000\nb #090000\n")
    with pytest.raises(InputError, match="the classes have not: #000009 33.33 % .*a.png.* --void '#000009'"):
        init(tmp_path / "project", tmp_path / "data")
    project = init(tmp_path / "project", tmp_path / "data", void=["#000009"])
    assert set(np.unique(by_name(project)["a"])) == {0, 1, 255}


def test_faulty_samples_are_named_and_can_be_left_out(tmp_path, rng):
    data = tmp_path / "data"
    for name in "abcdefg":
        write_picture(data / "images" / f"{name}.jpg", rng)
        write_label(data / "labels" / f"{name}.png", label(rng, [0, 1]))
    exif = Image.Exif()
    exif[274] = 6
    Image.open(data / "images" / "a.jpg").save(data / "images" / "a.jpg", exif=exif)
    write_picture(data / "images" / "b.jpg", rng, (20, 20))
    (data / "labels" / "c.png").write_bytes((data / "labels" / "c.png").read_bytes()[:60])
    (data / "images" / "d.jpg").write_bytes(b"")
    messages = [
        f"a.jpg says by EXIF that the camera was turned (orientation 6) and is read as 30x40; its label "
        f"{data}/labels/a.png is 40x30, drawn on the picture as it lies in the file: turn the label",
        "b.jpg is 20x20 and its label", "c.png is truncated or damaged", "d.jpg is empty",
    ]  # fmt: skip
    with pytest.raises(FaultySamples, match="and 3 more; correct them, or say --skip-faulty") as caught:
        init(tmp_path / "project", data)
    assert all(any(message in fault for fault in caught.value.faults) for message in messages)
    project = init(tmp_path / "project", data, skip_faulty=True)
    assert sum(project.samples.values()) == 3 and len(project.faults) == 4
    Image.open(data / "labels" / "e.png").convert("RGB").save(data / "labels" / "e.jpg")
    (data / "labels" / "e.png").unlink()
    with pytest.raises(FaultySamples) as caught:
        init(tmp_path / "project", data, force=True)
    assert any("e.jpg is a JPEG, which changes the numbers" in fault for fault in caught.value.faults)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.integers(0, 300), min_size=2, max_size=8, unique=True),
    void=st.lists(st.integers(0, 300), max_size=3), named=st.integers(0, 12), mode=st.sampled_from(["L", "I;16"]),
)  # fmt: skip
def test_whatever_the_labels_hold_only_classes_and_255_are_written(values, void, named, mode, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    rng = np.random.default_rng(len(values))
    values = values if mode == "I;16" else [value % 256 for value in values]
    write(folder / "data", rng, lambda index: label(rng, values), mode)
    names = [f"class {index}" for index in range(named)] or None
    try:
        project = init(folder / "project", folder / "data", void=[str(value) for value in void], classes=names)
    except InputError:
        assert not (folder / "project").exists()
        return
    found = np.unique(np.concatenate([each.ravel() for each in written(project).values()]))
    assert set(found) <= {*range(len(project.classes)), 255}

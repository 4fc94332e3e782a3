"""Which names and colours the classes of a config have."""

import pytest

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.classes import Classes, default_colours, unnamed
from paddleseg_mobileseg.config.reader import load_config
from paddleseg_mobileseg.data.known_classes import classes_of, known_classes, named_classes
from paddleseg_mobileseg.data.scenes import CLASSES, PALETTE
from paddleseg_mobileseg.paths import CONFIGS
from support.small_data import changed, config, write_config

NAMES = ["grass", {"name": "wall", "colour": "#010203"}, "roof", "sky"]


@pytest.fixture
def load(tmp_path):
    def loaded(opts=None, **changes):
        return load_config(write_config(tmp_path / "config.yml", changed(config(tmp_path), **changes)), opts=opts)

    return loaded


@pytest.mark.parametrize(
    "dataset, count, some",
    [
        ("ADE20K", 150, {0: ("wall", (120, 120, 120)), 149: ("flag", (92, 0, 255))}),
        ("Cityscapes", 19, {0: ("road", (128, 64, 128)), 18: ("bicycle", (119, 11, 32))}),
        ("CocoStuff", 171, {80: ("banner", (0, 192, 0)), 170: ("wood", (64, 64, 0))}),
        ("COCOStuff164k", 171, {0: ("person", (0, 192, 64))}),
        ("COCOStuff10k", 171, {0: ("person", (0, 192, 64))}),
        ("PascalContext", 60, {0: ("background", (120, 120, 120)), 59: ("wood", (31, 0, 255))}),
        # PaddleSeg's and this project's labels are numbered as the alphabet goes.
        ("PascalContext59", 59, {0: ("aeroplane", (180, 120, 120)), 1: ("bag", (6, 230, 230))}),
        ("PascalVOC", 21, {0: ("background", (0, 0, 0)), 20: ("tvmonitor", (0, 64, 128))}),
        ("SyntheticScenes", 9, {0: (CLASSES[0], PALETTE[0]), 8: (CLASSES[8], PALETTE[8])}),
    ],
)
def test_known_data_sets_bring_their_classes(dataset, count, some):
    classes = known_classes(dataset)
    assert len(classes) == len(set(classes.names)) == count
    assert {index: (classes.names[index], classes.colours[index]) for index in some} == some


@pytest.mark.parametrize(
    "name, first",
    [("topformer_tiny_pascal_context_59_480x480_80k", "aeroplane"), ("topformer_tiny_ade20k_512x512_160k", "wall")],
)
def test_a_config_of_a_known_data_set_lists_nothing(name, first):
    assert classes_of(load_config(CONFIGS / "topformer" / f"{name}.yml")).names[0] == first


def test_a_list_in_the_config(load):
    classes = classes_of(load(classes=NAMES))
    assert classes.names == ("grass", "wall", "roof", "sky")
    assert classes.colours == (default_colours(1)[0], (1, 2, 3), *default_colours(4)[2:])


def test_a_text_file_is_found_beside_the_config_that_names_it(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "names.txt").write_text("grass\nwall #010203\nroof\nsky\n")
    write_config(tmp_path / "base" / "base.yml", {**config(tmp_path), "classes": "names.txt"})
    read = load_config(write_config(tmp_path / "config.yml", {"_base_": "base/base.yml"}))
    assert classes_of(read).names == ("grass", "wall", "roof", "sky")
    assert read.dic["classes"][1] == {"name": "wall", "colour": "#010203"}


def test_an_override_names_another_file(load, tmp_path):
    (tmp_path / "other.txt").write_text("a\nb\nc\nd\n")
    assert classes_of(load([f"classes={tmp_path / 'other.txt'}"], classes=NAMES)).names == ("a", "b", "c", "d")


def test_without_any_names_classes_are_numbers(load):
    read = load()
    assert classes_of(read) == unnamed(4) and named_classes(read) is None


def test_a_network_of_another_number_of_classes_does_not_take_the_data_sets_names():
    read = load_config(CONFIGS / "topformer" / "topformer_tiny_ade20k_512x512_160k.yml", opts=["model.num_classes=7"])
    assert classes_of(read) == unnamed(7)


@pytest.mark.parametrize(
    "given, message",
    [
        (["a", "b"], "config.yml: classes lists 2, and model.num_classes is 4"),
        ("names.txt", "classes: there is no file .*names.txt; it lists a class a line"),
        ({"a": 1}, "config.yml: classes must be a list of names or the name of a text file"),
        (["a", "b", "c", 1.5], "config.yml: class 3 is 1.5 and not a name"),
    ],
)
def test_classes_that_cannot_be_used_are_refused(load, given, message):
    with pytest.raises(InputError, match=message):
        load(classes=given)


def test_a_data_set_of_another_number_of_classes_is_told(load):
    read = load(classes=NAMES)

    class Other:
        num_classes = 5

    with pytest.raises(InputError, match="lists 4, and there are 5"):
        classes_of(read, Other())
    assert isinstance(classes_of(read), Classes)

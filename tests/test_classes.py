"""Names and colours of classes."""

import pytest
from paddleseg.utils.visualize import get_color_map_list

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.classes import Classes, classes_text, default_colours, parse_classes, read_classes, unnamed


def test_default_colours_are_those_of_paddlesegs_predict():
    assert [part for colour in default_colours(256) for part in colour] == get_color_map_list(256)


def test_a_list_of_names_and_colours():
    classes = parse_classes(["road", {"name": "car", "colour": "#ff8000"}, {"name": "sky", "color": [1, 2, 3]}, 7], "c")
    assert classes.names == ("road", "car", "sky", "7")
    assert classes.colours == (default_colours(1)[0], (255, 128, 0), (1, 2, 3), default_colours(4)[3])


def test_text_files_go_both_ways(tmp_path):
    file = tmp_path / "classes.txt"
    file.write_text("# of a street\n64 128 64\tTraffic light\n\n  car #0102ff\nroad\n", encoding="utf-8-sig")
    classes = read_classes(file)
    assert classes.names == ("Traffic light", "car", "road")
    assert classes.colours == ((64, 128, 64), (1, 2, 255), default_colours(3)[2])
    file.write_text(classes_text(classes), encoding="utf-8")
    assert read_classes(file) == classes
    assert len(unnamed(3)) == 3


@pytest.mark.parametrize(
    "given, message",
    [
        ("road", "c: classes must be a list of names"),
        ([], "c: classes: there are 0, and a network has 1 to 65536"),
        (["road", ""], "c: classes: class 1 has no name of up to 200 letters"),
        (["road", "a\nb"], "c: classes: class 1 has no name"),
        (["x" * 201], "c: classes: class 0 has no name"),
        ([False], "c: class 0 is False and not a name; write it in quotes"),
        ([{"name": "road", "color": "red"}], "c: class 0 has the colour red: write three numbers"),
        ([{"name": "road", "colour": [0, 0, 256]}], "c: classes: the colour of road is (0, 0, 256)"),
        ([{"title": "road"}], "c: class 0 has 'name' and 'colour', not"),
    ],
)
def test_what_is_no_list_of_classes_is_refused(given, message):
    with pytest.raises(InputError) as caught:
        parse_classes(given, "c")
    assert str(caught.value).startswith(message)


def test_as_many_colours_as_names():
    with pytest.raises(InputError, match="2 names and 1 colours"):
        Classes(("a", "b"), ((0, 0, 0),))

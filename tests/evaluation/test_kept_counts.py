"""The file that an evaluation goes on from."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.evaluation import count_image
from paddleseg_mobileseg.evaluation.kept_counts import KeptCounts, Subject

SUBJECT = Subject("model", "data", "phone", 4)


def counts(index):
    truth, labels = np.random.RandomState(index).randint(0, 4, (2, 6, 8))
    return count_image(index, f"{index}.png", truth, labels, 4, 3)


def test_counts_come_back_as_they_were(tmp_path):
    path, again = tmp_path / "kept.jsonl", []
    kept = KeptCounts(path, SUBJECT, 3, lambda counts: None)
    kept.add([counts(2), counts(0)])
    with path.open("a") as file:
        file.write('{"index": 1, "im')
    assert KeptCounts(path, SUBJECT, 3, again.append).found == {0, 2}
    for found, expected in zip(again, [counts(2), counts(0)]):
        assert (found.index, found.image) == (expected.index, expected.image)
        np.testing.assert_array_equal(found.confusion, expected.confusion)
        np.testing.assert_array_equal(found.true_pixels, expected.true_pixels)
    # What was cut off is gone, so that the next line is whole.
    kept.add([counts(1)])
    assert KeptCounts(path, SUBJECT, 3, again.append).found == {0, 1, 2}


@pytest.mark.parametrize(
    "line, message",
    [
        ("{}", "index is missing"),
        ("[", "Expecting value"),
        ('{"index": 3, "image": "x", "confusion": [], "true_pixels": []}', "there is no image 3"),
        ('{"index": 1, "image": "x", "confusion": [[0, 4, 1]], "true_pixels": []}', "counts that cannot be"),
        ('{"index": 1, "image": "x", "confusion": [[0, 1]], "true_pixels": []}', "counts that cannot be"),
        ('{"index": 1, "image": "x", "confusion": [], "true_pixels": [[0, -1]]}', "counts that cannot be"),
    ],
)
def test_a_damaged_file_is_refused(line, message, tmp_path):
    path = tmp_path / "kept.jsonl"
    path.write_text(f"{json.dumps(asdict(SUBJECT))}\n{line}\n")
    with pytest.raises(InputError, match=f"kept.jsonl is damaged: .*{message}.*; remove it"):
        KeptCounts(path, SUBJECT, 3, lambda counts: None)


@pytest.mark.parametrize("other", [replace(SUBJECT, model="another"), replace(SUBJECT, schema=9)])
def test_the_counts_of_something_else_are_refused(other, tmp_path):
    path = tmp_path / "kept.jsonl"
    path.write_text(json.dumps(asdict(other)) + "\n")
    with pytest.raises(InputError, match="remove it to score all images again"):
        KeptCounts(path, SUBJECT, 3, lambda counts: None)

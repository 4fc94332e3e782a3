"""Figures of label maps: those of PaddleSeg's functions, to the last bit."""

import numpy as np
import paddle
import pytest
from paddleseg.utils import metrics

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.classes import unnamed
from paddleseg_mobileseg.data.labelled_images import LabelledImages
from paddleseg_mobileseg.data.synthetic import SyntheticScenes
from paddleseg_mobileseg.evaluation import Tally, count_image
from support.scores import scores_of


def label_maps(seed, ignore_index, shape=(31, 47), classes=7):
    """Labels with pixels to be ignored, and label maps that are often right; class 5 is nowhere."""
    random = np.random.RandomState(seed)
    truth = random.choice([0, 1, 2, 3, 4, 6], shape).astype(np.uint8)
    labels = np.where(random.rand(*shape) < 0.7, truth, random.choice([0, 1, 2, 3, 4, 6], shape)).astype(np.int32)
    truth[random.rand(*shape) < 0.1] = ignore_index
    return truth, labels


@pytest.mark.parametrize("ignore_index", [255, 11, 2])
def test_scores_are_those_of_paddleseg(ignore_index):
    """Where the ignored value is itself a class, too: PaddleSeg counts its pixels as true and never as right."""
    tally, areas = Tally(unnamed(7)), [0, 0, 0]
    for index in range(3):
        truth, labels = label_maps(index, ignore_index, shape=(20 + index, 30))
        tally.add(count_image(index, "", truth, labels, 7, ignore_index))
        pair = [paddle.to_tensor(array.astype("int64")[np.newaxis]) for array in (labels, truth)]
        areas = [all_ + one for all_, one in zip(areas, metrics.calculate_area(*pair, 7, ignore_index))]
    found = tally.scores()
    iou, miou = metrics.mean_iou(*areas)
    accuracy, precision, recall = metrics.class_measurement(*areas)
    for mine, theirs in ((found.iou, iou), (found.precision, precision), (found.recall, recall)):
        assert mine.tolist() == theirs.tolist()
    assert (found.miou, found.accuracy, found.kappa) == (miou, accuracy, metrics.kappa(*areas))
    assert found.mean_dice == metrics.dice(*areas)[1] and iou[5] == 0


def test_scores_of_a_small_confusion_matrix():
    truth = np.array([[0, 0, 0, 1], [1, 1, 2, 2]])
    found = scores_of(truth, np.array([[0, 0, 1, 1], [1, 1, 2, 0]]), 4)
    assert found.confusion.tolist() == [[2, 1, 0, 0], [0, 3, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    content = found.to_dict(confusion=True)
    assert [row["recall"] for row in content["classes"]] == pytest.approx([2 / 3, 1, 1 / 2, 0])
    assert content["miou"] == pytest.approx(1.75 / 4) and content["confusion"] == found.confusion.tolist()
    # Of a single image, only the classes that it has count.
    assert found.images[0].miou == pytest.approx(1.75 / 3) and found.images[0].accuracy == pytest.approx(6 / 8)
    assert found.images[0].pixels == 8


def test_one_class_alone_has_no_kappa_and_an_ignored_image_no_score():
    tally = Tally(unnamed(2))
    nothing = tally.add(count_image(1, "", np.full((2, 2), 255), np.zeros((2, 2), int), 2, 255))
    assert (nothing.miou, nothing.accuracy, nothing.pixels) == (None, None, 0)
    with pytest.raises(InputError, match="no pixel of the labels is of a class"):
        tally.scores()
    tally.add(count_image(0, "", np.zeros((2, 2), int), np.zeros((2, 2), int), 2, 255))
    content = tally.scores().to_dict()
    assert content["kappa"] is None and content["accuracy"] == 1
    assert [image.index for image in tally.scores().images] == [0, 1]


@pytest.mark.parametrize(
    "truth, labels, message",
    [(np.zeros((2, 3)), np.zeros((3, 2)), r"label of \[2, 3\] and got a label map of \[3, 2\]"),
     (np.zeros((2, 2)), np.full((2, 2), 4), "got class 4, and the data set has 4")],
)  # fmt: skip
def test_label_maps_that_cannot_be_scored(truth, labels, message):
    with pytest.raises(InputError, match=message):
        count_image(0, "x.png", truth.astype(int), labels.astype(int), 4, 255)


def test_images_are_read_without_the_transforms_of_their_data_set():
    scenes = SyntheticScenes(mode="val", size=(32, 64), count=2, transforms=[pytest.fail])
    images = LabelledImages(scenes)
    for index in range(2):
        for mine, drawn in zip(images.read(index), scenes.scene(index)):
            assert mine.dtype == np.uint8
            np.testing.assert_array_equal(mine, drawn)


def test_a_data_set_that_hides_its_transforms_is_refused():
    with pytest.raises(InputError, match="val_dataset: Hidden does not keep its transforms"):
        LabelledImages(type("Hidden", (), {})())

import numpy as np
import paddle
import pytest
from paddleseg.cvlibs import SegBuilder
from paddleseg.transforms import Normalize, RandomHorizontalFlip

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.config.reader import load_config
from paddleseg_mobileseg.data.synthetic import SyntheticScenes
from paddleseg_mobileseg.demo.pipeline import CONFIG
from support.scores import scores_of

MODES = ("train", "val", "test")


def scenes_of(count, mode="train", seed=0, **arguments):
    dataset = SyntheticScenes(mode=mode, count=count, seed=seed, **arguments)
    pairs = [dataset.scene(index) for index in range(count)]
    return np.stack([image for image, _ in pairs]), np.stack([label for _, label in pairs])


@pytest.fixture(scope="module")
def sample():
    return scenes_of(200)


def test_a_scene_depends_on_seed_mode_and_index_alone():
    forwards = SyntheticScenes(mode="val", count=4, seed=5)
    expected = [forwards.scene(index) for index in range(4)]
    other_order = SyntheticScenes(mode="val", count=100, seed=5)
    for index in reversed(range(4)):
        np.random.seed(index)
        image, label = other_order.scene(index)
        assert np.array_equal(image, expected[index][0])
        assert np.array_equal(label, expected[index][1])


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_do_not_change_the_scenes(workers):
    dataset = SyntheticScenes(mode="train", count=9, size=(64, 96), transforms=[Normalize()])
    loader = paddle.io.DataLoader(dataset, batch_size=2, shuffle=False, num_workers=workers)
    read = np.concatenate([batch["img"].numpy() for batch in loader])
    assert np.array_equal(read, np.stack([dataset[index]["img"] for index in range(9)]))


def test_modes_and_seeds_share_no_scene():
    seen = {}
    for mode in MODES:
        for seed in (0, 1):
            for index, image in enumerate(scenes_of(30, mode, seed, size=(64, 64))[0]):
                where = seen.setdefault(image.tobytes(), (mode, seed, index))
                assert where == (mode, seed, index)
    assert len(seen) == 30 * 2 * len(MODES)


@pytest.mark.parametrize("size", [(192, 256), (64, 96), (256, 256), (100, 333), (320, 32)])
def test_size_dtype_and_label_range(size):
    images, labels = scenes_of(20, size=size)
    assert images.shape == (20, *size, 3) and images.dtype == np.uint8
    assert labels.shape == (20, *size) and labels.dtype == np.uint8
    assert labels.max() < SyntheticScenes.NUM_CLASSES


def test_every_class_is_there_often_and_large_enough(sample):
    _, labels = sample
    for index, name in enumerate(SyntheticScenes.CLASSES):
        shares = (labels == index).mean(axis=(1, 2))
        assert (shares > 0).mean() > 0.4, name
        assert shares.mean() > 0.04, name
        # A logit of PP-MobileSeg-Tiny stands for 16 x 16 pixels: a class should cover a few of them where it is.
        assert np.median(shares[shares > 0]) * labels[0].size > 6 * 16 * 16, name


def test_colour_alone_does_not_tell_the_classes(sample):
    """The best guess from a pixel's colour scores far below what a network that sees shape and texture must reach."""
    images, labels = sample
    classes = SyntheticScenes.NUM_CLASSES
    bins = (images // 16).astype(np.int64) @ np.array([256, 16, 1])
    known, held_out = slice(0, 150), slice(150, None)
    votes = np.bincount(bins[known].ravel() * classes + labels[known].ravel(), minlength=4096 * classes)
    guess = votes.reshape(4096, classes).argmax(axis=1)[bins[held_out]]
    assert 0.05 < scores_of(labels[held_out], guess, classes).miou < 0.35


def test_palette_has_a_colour_of_its_own_for_every_class():
    assert len(set(SyntheticScenes.PALETTE)) == len(SyntheticScenes.CLASSES) == SyntheticScenes.NUM_CLASSES >= 8


def test_flips_take_the_labels_along_in_training_only():
    always = [RandomHorizontalFlip(prob=1.0)]
    _, label = SyntheticScenes(mode="train", count=1).scene(0)
    assert np.array_equal(SyntheticScenes(transforms=always, mode="train", count=1)[0]["label"], label[:, ::-1])
    _, label = SyntheticScenes(mode="val", count=1).scene(0)
    assert np.array_equal(SyntheticScenes(transforms=always, mode="val", count=1)[0]["label"], label[np.newaxis])


def test_network_gets_red_first():
    image, _ = SyntheticScenes(count=1).scene(0)
    assert np.array_equal(SyntheticScenes(count=1)[0]["img"], image.transpose(2, 0, 1))


def test_paddleseg_builds_it_from_the_demo_config():
    builder = SegBuilder(load_config(CONFIG))
    train, val = builder.train_dataset, builder.val_dataset
    assert (train.num_classes, train.ignore_index, train.mode) == (9, 255, "train")
    assert len(train) == load_config(CONFIG).iters * 2 * load_config(CONFIG).batch_size
    assert train[0]["img"].shape == (3, 192, 256) and train[0]["label"].shape == (192, 256)
    assert val[0]["img"].shape == (3, 192, 256) and val[0]["label"].shape == (1, 192, 256)


def test_repeating_the_file_list_repeats_the_scenes():
    dataset = SyntheticScenes(count=3)
    dataset.file_list *= 2
    assert len(dataset) == 6
    assert np.array_equal(dataset[1]["img"], dataset[4]["img"])


@pytest.mark.parametrize(
    "arguments, named",
    [
        ({"mode": "training"}, "mode"),
        ({"size": 128}, "size"),
        ({"size": (128, 16)}, "size"),
        ({"size": (128.0, 128)}, "size"),
        ({"count": 0}, "count"),
        ({"count": True}, "count"),
        ({"seed": -1}, "seed"),
        ({"seed": "0"}, "seed"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, named):
    with pytest.raises(InputError, match=f"SyntheticScenes: {named} must"):
        SyntheticScenes(**arguments)

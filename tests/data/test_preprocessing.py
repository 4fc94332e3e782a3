"""Preprocessing at a fixed size against PaddleSeg's own transforms, and its inverse against PaddleSeg's evaluation."""

import json
from dataclasses import asdict

import cv2
import numpy as np
import paddle
import paddleseg.transforms as T
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from paddleseg.core.infer import reverse_transform
from paddleseg.cvlibs import manager

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.data.image_file import read_image
from paddleseg_mobileseg.data.inference import restored_label_map, restored_labels
from paddleseg_mobileseg.data.preprocessing import Preprocessing
from paddleseg_mobileseg.data.transforms import paddleseg_input, read_preprocessing
from support.exports import MEAN, STD, save_scene

SIZE = (64, 96)
NORMALIZE = {"type": "Normalize", "mean": MEAN, "std": STD}
PADDING = {"type": "Padding", "target_size": [96, 64]}
STRETCH = {"type": "Resize", "target_size": [96, 64]}
KEEP_RATIO = {**STRETCH, "keep_ratio": True}
ADE20K = {"type": "Resize", "target_size": [256, 64], "keep_ratio": True, "size_divisor": 32}
RESIZED = {
    "keep ratio": KEEP_RATIO,
    "keep ratio, nearest": {**KEEP_RATIO, "interp": "NEAREST"},
    "keep ratio, area": {**KEEP_RATIO, "interp": "AREA"},
    "keep ratio, cubic": {**KEEP_RATIO, "interp": "CUBIC"},
    "ADE20K": ADE20K,
    "long side": {"type": "ResizeByLong", "long_size": 64},
    "short side": {"type": "ResizeByShort", "short_size": 48},
    "short side, bounded": {"type": "ResizeByShort", "short_size": 48, "max_size": 70},
    "limit long": {"type": "LimitLong", "max_long": 64, "min_long": 50},
    "limit long from below": {"type": "LimitLong", "min_long": 70},
    "range of one": {"type": "ResizeRangeScaling", "min_value": 60, "max_value": 60},
    "factor": {"type": "ResizeStepScaling", "min_scale_factor": 0.6, "max_scale_factor": 0.6},
}
STRETCHED = {
    "stretch": [STRETCH, NORMALIZE],
    "stretch, nearest": [{**STRETCH, "interp": "NEAREST"}, NORMALIZE],
    "stretch, cubic": [{**STRETCH, "interp": "CUBIC"}, NORMALIZE],
    "stretch, area": [{**STRETCH, "interp": "AREA"}, NORMALIZE],
    "stretch, lanczos": [{**STRETCH, "interp": "LANCZOS4"}, NORMALIZE],
    "stretch, not normalised": [STRETCH],
    "normalised first": [NORMALIZE, STRETCH],
    "one mean for all": [STRETCH, {"type": "Normalize", "mean": [0.4], "std": [0.3]}],
    "padding of nothing": [STRETCH, PADDING, NORMALIZE],
}
sizes = st.tuples(st.integers(1, 150), st.integers(1, 150))


def image_of(height, width, seed=0):
    """Noise over a slope, uint8 RGB."""
    random = np.random.default_rng(seed)
    slope = np.linspace(0, 180, width)[:, np.newaxis] * np.ones((height, 1, 3))
    return (slope + random.integers(0, 76, (height, width, 3))).astype(np.uint8)


def composed(transforms, image):
    """What PaddleSeg's transforms make of an image as its reader gives it: float32, blue first."""
    built = [manager.TRANSFORMS[step["type"]](**{k: v for k, v in step.items() if k != "type"}) for step in transforms]
    return T.Compose(built)({"img": image[..., ::-1].astype(np.float32)})


def assert_equal_input(found, expected):
    assert found.shape == (1, 3, *SIZE) and found.dtype == np.float32 and found.flags.c_contiguous
    np.testing.assert_allclose(found[0], expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", STRETCHED)
@settings(max_examples=25, deadline=None)
@example(SIZE)
@example((2 * SIZE[0], 2 * SIZE[1]))
@given(sizes)
def test_stretching_is_paddlesegs(name, size):
    image, transforms = image_of(*size), STRETCHED[name]
    preprocessing = read_preprocessing(transforms, *SIZE, where="a list")
    assert preprocessing.resize == "stretch"
    assert_equal_input(preprocessing.apply(image), composed(transforms, image)["img"])


def test_a_list_that_neither_resizes_nor_pads_stretches():
    image = image_of(75, 131)
    found = read_preprocessing([NORMALIZE], *SIZE, where="a list").apply(image)
    assert_equal_input(found, composed([STRETCH, NORMALIZE], image)["img"])


@pytest.mark.parametrize("name", RESIZED)
@settings(max_examples=40, deadline=None)
@example(SIZE)
@example(SIZE[::-1])
@example((150, 1))
@given(sizes)
def test_a_kept_ratio_is_paddlesegs_frame_or_the_largest_that_fits(name, size):
    image, resize = image_of(*size), RESIZED[name]
    preprocessing = read_preprocessing([resize, NORMALIZE], *SIZE, where="a list")
    scale = min(SIZE[0] / size[0], SIZE[1] / size[1])
    largest = [max(1, round(side * scale)) for side in size]
    fitted = {"type": "Resize", "target_size": largest[::-1], "interp": resize.get("interp", "LINEAR")}
    try:
        expected = composed([resize, PADDING, NORMALIZE], image)["img"]
    except ValueError as error:
        assert "larger than `target_size`" in str(error)
        expected = composed([fitted, PADDING, NORMALIZE], image)["img"]
    except cv2.error:  # PaddleSeg scales a side to nothing
        assert min(size) < 4
        return
    assert_equal_input(preprocessing.apply(image), expected)


@pytest.mark.parametrize(
    "transforms",
    [
        [{**PADDING, "im_padding_value": 3.5}, NORMALIZE],
        [NORMALIZE, {**PADDING, "im_padding_value": 0.25}],
        [RESIZED["long side"], NORMALIZE, {**PADDING, "im_padding_value": 0}],
        [RESIZED["long side"], {**PADDING, "im_padding_value": 0}, NORMALIZE],
        [NORMALIZE, RESIZED["long side"], {**PADDING, "im_padding_value": -1}],
        [RESIZED["long side"], PADDING],
    ],
)
@pytest.mark.parametrize("size", [(64, 96), (33, 57), (64, 51), (1, 96)])
def test_padding_has_its_value_before_or_after_normalisation(transforms, size):
    image = image_of(*size)
    assert_equal_input(
        read_preprocessing(transforms, *SIZE, where="a list").apply(image), composed(transforms, image)["img"]
    )


def test_an_image_larger_than_its_padding_is_scaled_down_where_paddleseg_gives_up():
    image = image_of(128, 128)
    expected = composed([{"type": "Resize", "target_size": [64, 64]}, PADDING, NORMALIZE], image)["img"]
    assert_equal_input(read_preprocessing([PADDING, NORMALIZE], *SIZE, where="a list").apply(image), expected)


def test_blue_comes_first_where_a_data_set_says_so():
    image = image_of(70, 50)
    found = read_preprocessing([STRETCH, NORMALIZE], *SIZE, where="a list", channel_order="BGR").apply(image)
    steps = [T.Resize([96, 64]), T.Normalize(MEAN, STD)]
    expected = T.Compose(steps, to_rgb=False)({"img": image[..., ::-1].astype(np.float32)})["img"]
    assert_equal_input(found, expected)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_the_reference_of_a_check_is_paddlesegs(suffix, tmp_path):
    """The list itself where it can be used and undone, else PaddleSeg's classes in the frame of the input."""
    path = save_scene(tmp_path / f"scene.{suffix}", 4, 128, 160)
    for resize in (*RESIZED.values(), STRETCH, PADDING):
        transforms = [resize, NORMALIZE]
        preprocessing = read_preprocessing(transforms, *SIZE, where="a list")
        batch, trans_info = paddleseg_input(transforms, preprocessing, path)
        np.testing.assert_allclose(batch, preprocessing.apply(read_image(path)), rtol=2e-6, atol=2e-6)
        undone = reverse_transform(paddle.zeros([1, 2, *SIZE]), trans_info, "bilinear")
        assert undone.shape == [1, 2, 128, 160]


def evaluated(logits, trans_info):
    """PaddleSeg's logits at the image's size."""
    return reverse_transform(paddle.to_tensor(logits), trans_info, "bilinear").numpy()


def assert_same_labels(found, full, scale):
    """Within the rounding of float32 interpolation, done as often as PaddleSeg does it."""
    chosen = np.take_along_axis(full, found[:, np.newaxis].astype(np.int64), axis=1)[:, 0]
    assert (full.max(axis=1) - chosen <= 2**-19 * scale).all()


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("resize", [STRETCH, KEEP_RATIO, ADE20K, RESIZED["factor"], PADDING], ids=str)
@settings(max_examples=15, deadline=None)
@example(SIZE)
@given(st.tuples(st.integers(4, 150), st.integers(4, 150)))
def test_label_maps_are_those_of_paddlesegs_evaluation(resize, align_corners, size):
    preprocessing = read_preprocessing([resize, NORMALIZE], *SIZE, where="a list")
    low = np.random.default_rng(3).standard_normal((1, 12, 8, 12)).astype(np.float32)
    logits = paddle.nn.functional.interpolate(
        paddle.to_tensor(low), SIZE, mode="bilinear", align_corners=align_corners
    ).numpy()
    trans_info = preprocessing.trans_info(size)
    full = evaluated(logits, trans_info)
    assert full.shape[2:] == size
    for found in (restored_labels(logits, trans_info), restored_labels(low, trans_info, SIZE, SIZE, align_corners)):
        assert found.shape == (1, *size) and found.dtype == np.int32
        assert_same_labels(found, full, np.abs(low).max())


def test_logits_of_a_lower_resolution_than_the_input_are_cropped_in_its_frame():
    preprocessing = read_preprocessing([KEEP_RATIO, NORMALIZE], *SIZE, where="a list")
    low = np.random.default_rng(3).standard_normal((1, 12, 16, 24)).astype(np.float32)
    trans_info = preprocessing.trans_info((100, 100))
    assert trans_info == [("resize", (100, 100)), ("padding", (64, 64))]
    logits = paddle.nn.functional.interpolate(paddle.to_tensor(low), SIZE, mode="bilinear").numpy()
    full = evaluated(logits, trans_info)
    assert_same_labels(restored_labels(low, trans_info, None, SIZE), full, np.abs(low).max())


@settings(max_examples=40, deadline=None)
@given(sizes)
def test_labels_of_the_graph_take_the_nearest_as_paddleseg_does(size):
    preprocessing = read_preprocessing([KEEP_RATIO, NORMALIZE], *SIZE, where="a list")
    labels = np.random.default_rng(3).integers(0, 150, (1, *SIZE)).astype(np.int32)
    trans_info = preprocessing.trans_info(size)
    expected = reverse_transform(paddle.to_tensor(labels[:, np.newaxis]), trans_info, "nearest")[:, 0]
    np.testing.assert_array_equal(restored_label_map(labels, trans_info), expected.numpy())


REFUSED = {
    "RandomHorizontalFlip": ([{"type": "RandomHorizontalFlip"}], "omit it"),
    "RandomPaddingCrop": ([{"type": "RandomPaddingCrop", "crop_size": [64, 64]}], "omit it"),
    "PaddingByAspectRatio": ([{"type": "PaddingByAspectRatio"}], "use Resize with keep_ratio: True and Padding"),
    "ScalePadding": ([{"type": "ScalePadding"}], "use Resize with keep_ratio: True and Padding"),
    "Resize": ([{**STRETCH, "interp": "RANDOM"}], "choose one of NEAREST, LINEAR"),
    "ResizeByShort": ([{"type": "ResizeByShort", "short_size": [48, 64]}], "give short_size as one number"),
    "ResizeRangeScaling": ([{"type": "ResizeRangeScaling"}], "set min_value and max_value to one number"),
    "ResizeStepScaling": ([{"type": "ResizeStepScaling"}], "set min_scale_factor and max_scale_factor to one number"),
    "ResizeByLong": ([STRETCH, RESIZED["long side"]], "Resize resizes before it"),
    "LimitLong": ([PADDING, RESIZED["limit long"]], "put Padding behind it"),
    "Padding": ([{**PADDING, "target_size": [64, 96]}], r"--input_shape 1 3 96 64\), or pad to 64x96"),
    "Padding ": ([{**STRETCH, "target_size": [48, 48]}, PADDING], "set keep_ratio: True"),
    "Padding  ": ([PADDING, PADDING], "omit one"),
    "Normalize": ([NORMALIZE, NORMALIZE], "omit one"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_fixed_size_is_refused_by_name_with_a_choice(name):
    transforms, choice = REFUSED[name]
    with pytest.raises(InputError, match=f"^a list: {name.strip()} cannot be reproduced at a fixed size.*{choice}"):
        read_preprocessing(transforms, *SIZE, where="a list")


@pytest.mark.parametrize(
    "transforms, message",
    [
        ([{"type": "Normalise"}], "PaddleSeg has no transform 'Normalise' .did you mean Normalize"),
        ([{"type": "Normalize", "mean": [1, 2]}], "Normalize takes mean and std"),
        ([{"type": "Normalize", "std": [0, 1, 1]}], "Normalize takes mean and std"),
        ([{"type": "Normalize", "mean": "grey"}], "Normalize takes mean and std"),
        ([{"type": "Normalize", "men": [0.5]}], "Normalize takes mean and std"),
        ([{"type": "Resize", "target_size": 64}], "Resize does not take .*target_size"),
        ([{"type": "Resize", "size": [64, 64]}], "Resize does not take .*unexpected keyword"),
        ([{"type": "ResizeByLong", "long_size": 0}], "sizes must be whole numbers of 1 or more"),
        ([{"target_size": [64, 64]}], "must be a list of mappings with a type"),
        ("Normalize", "must be a list of mappings with a type"),
    ],
)
def test_wrong_lists_are_refused_in_one_line(transforms, message):
    with pytest.raises(InputError, match=message) as error:
        read_preprocessing(transforms, *SIZE, where="a list")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", RESIZED)
def test_json_and_back(name):
    preprocessing = read_preprocessing([NORMALIZE, RESIZED[name], PADDING], *SIZE, where="a list")
    assert Preprocessing(**json.loads(json.dumps(asdict(preprocessing)))) == preprocessing


@pytest.mark.parametrize(
    "changes",
    [
        {"resize": "crop"}, {"interpolation": "BICUBIC"}, {"channel_order": "RGBA"}, {"mean": (0.5,)},
        {"std": (1, 0, 1)}, {"height": 0}, {"resize": "keep_ratio"}, {"resize": "factor"}, {"resize": "short_side"},
    ],
    ids=str,
)  # fmt: skip
def test_values_that_do_not_belong_together_are_refused(changes):
    with pytest.raises(InputError, match="^preprocessing: "):
        Preprocessing(**{"height": 64, "width": 96, "mean": (0.5,) * 3, "std": (0.5,) * 3, **changes})

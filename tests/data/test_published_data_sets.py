"""Pascal Context and COCO-Stuff in the layouts they are published in, and the classes their labels become."""

import numpy as np
import pytest
from paddleseg.cvlibs import SegBuilder
from PIL import Image
from scipy.io import savemat

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.config.reader import load_config
from paddleseg_mobileseg.data.check import check_dataset
from paddleseg_mobileseg.data.coco_stuff import COCOStuff10k, COCOStuff164k
from paddleseg_mobileseg.data.pascal_context import PascalContext59
from paddleseg_mobileseg.paths import CONFIGS

SIZE = (14, 15)
"""Height and width of the images: 210 pixels, room for every number that a label holds."""

NAMES_AND_RAW = {"person": 0, "bicycle": 1, "traffic light": 9, "fire hydrant": 10, "stop sign": 12, "toothbrush": 89,
                 "banner": 91, "tree": 168, "wood": 181}  # fmt: skip
"""Some of COCO-Stuff's categories and their numbers in the images of stuffthingmaps_trainval2017."""

NAMES_AND_CLASS = {"person": 0, "bicycle": 1, "traffic light": 9, "fire hydrant": 10, "stop sign": 11,
                   "toothbrush": 79, "banner": 80, "tree": 157, "wood": 170}  # fmt: skip

UNUSED = [11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90]
RAW = [number for number in range(182) if number not in UNUSED]
"""All 171 of them, in the order of the classes."""


def picture(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, quality=95)


def label_image(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.resize(np.asarray(values, np.uint8), SIZE)).save(path)


def text(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture
def voc(tmp_path):
    """VOC2010 with Pascal Context: 0 the background, 1 to 59 the classes."""
    for split, names in {"train": ["2008_000002", "2008_000003"], "val": ["2008_000009"]}.items():
        text(tmp_path / "ImageSets" / "Segmentation" / f"{split}_context.txt", names)
        for name in names:
            picture(tmp_path / "JPEGImages" / f"{name}.jpg")
            label_image(tmp_path / "Context" / f"{name}.png", range(60))
    return tmp_path


@pytest.fixture
def coco(tmp_path):
    """COCO 2017 with raw stuff labels; an image without a label stands before one with it."""
    for split, names in {"train2017": ["000000000009", "000000000025"], "val2017": ["000000000139"]}.items():
        for name in names:
            picture(tmp_path / "images" / split / f"{name}.jpg")
            label_image(tmp_path / "annotations" / split / f"{name}.png", [*RAW, 255])
    return tmp_path


@pytest.fixture
def coco_10k(tmp_path):
    for split, names in {"train": ["COCO_train2014_000000000077"], "test": ["COCO_train2014_000000001573"]}.items():
        text(tmp_path / "imageLists" / f"{split}.txt", names)
        for name in names:
            picture(tmp_path / "images" / f"{name}.jpg")
            path = tmp_path / "annotations" / f"{name}.mat"
            path.parent.mkdir(exist_ok=True)
            values = np.resize(np.array([0, *(raw + 1 for raw in RAW)], np.uint8), SIZE)
            savemat(path, {"S": values, "names": np.array(["person"], object)})
    return tmp_path


def builder_of(stem, root):
    """PaddleSeg's builder of SeaFormer-Tiny's config for the data in `root`."""
    opts = [f"{section}.dataset_root={root}" for section in ("train_dataset", "val_dataset")]
    return SegBuilder(load_config(CONFIGS / f"seaformer/seaformer_tiny_{stem}.yml", opts=opts))


def label(dataset, index=0):
    return np.asarray(dataset[index]["label"])


@pytest.mark.parametrize("mode, count", [("train", 2), ("val", 1)])
def test_background_of_pascal_context_is_ignored_and_the_rest_moves_down(voc, mode, count):
    dataset = PascalContext59([], str(voc), mode)
    assert len(dataset) == count and dataset.num_classes == 59 and dataset.ignore_index == 255
    found = label(dataset)
    assert found.shape == (SIZE if mode == "train" else (1, *SIZE)) and found.dtype == np.uint8
    assert found.ravel()[:61].tolist() == [255, *range(59), 255]


def test_stock_pascal_context_reads_the_same_folder_with_its_background(voc):
    builder = builder_of("pascal_context_480x480_80k", voc)
    for dataset in (builder.train_dataset, builder.val_dataset):
        dataset.transforms.transforms = []
        assert dataset.num_classes == 60 and label(dataset).ravel()[:61].tolist() == [*range(60), 0]


def test_each_category_of_coco_stuff_becomes_its_class(coco):
    for mode, count in (("train", 2), ("val", 1)):
        dataset = COCOStuff164k([], str(coco), mode)
        assert len(dataset) == count and dataset.num_classes == 171
        assert label(dataset).ravel()[:172].tolist() == [*range(171), 255]
    assert {name: int(COCOStuff164k.CLASS_OF[raw]) for name, raw in NAMES_AND_RAW.items()} == NAMES_AND_CLASS


def test_images_and_labels_of_coco_stuff_belong_together_by_name(coco):
    """Stock pairs them by their order: one missing file shifts all that follow."""
    (coco / "annotations" / "train2017" / "000000000009.png").unlink()
    dataset = COCOStuff164k([], str(coco), "train")
    assert [files[0].rsplit("/", 1)[1][:-4] for files in dataset.file_list] == ["000000000009", "000000000025"]
    assert all(image.split("/")[-1][:-4] == label.split("/")[-1][:-4] for image, label in dataset.file_list)
    problems = check_dataset(dataset, "train_dataset").problems
    assert [problem.kind for problem in problems] == ["unreadable"] and "000000000009.png" in problems[0].what


def test_labels_that_were_converted_before_are_refused(coco):
    path = coco / "annotations" / "val2017" / "000000000139.png"
    label_image(path, range(171))
    dataset = COCOStuff164k([], str(coco), "val")
    with pytest.raises(InputError, match="139.png holds 11, which COCO-Stuff does not use.*type: CocoStuff"):
        dataset[0]
    (problem,) = check_dataset(dataset, "val_dataset").problems
    assert "holds 11" in problem.what


@pytest.mark.parametrize("mode, name", [("train", "077"), ("val", "573")])
def test_coco_stuff_10k_is_read_as_it_is_published(coco_10k, mode, name):
    dataset = COCOStuff10k([], str(coco_10k), mode)
    assert len(dataset) == 1 and dataset.num_classes == 171
    assert [path[-7:] for path in dataset.file_list[0]] == [f"{name}.jpg", f"{name}.mat"]
    assert label(dataset).ravel()[:172].tolist() == [255, *range(171)]
    report = check_dataset(dataset, mode)
    assert report.problems == [] and (report.class_pixels > 0).all() and report.ignored_pixels == 2


def test_other_mat_file_is_refused(coco_10k):
    savemat(coco_10k / "annotations" / "COCO_train2014_000000000077.mat", {"T": np.zeros(SIZE, np.uint8)})
    with pytest.raises(InputError, match="077.mat has no variable S"):
        COCOStuff10k([], str(coco_10k), "train")[0]


@pytest.mark.parametrize(
    "kind, missing", [(PascalContext59, "train_context.txt"), (COCOStuff10k, "train.txt"), (COCOStuff164k, "'train'")]
)
def test_folder_of_another_layout_is_refused(tmp_path, kind, missing):
    with pytest.raises(InputError, match=f"{kind.__name__}: .*{missing}.*the layout that {kind.__name__} documents"):
        kind([], str(tmp_path), "train")
    with pytest.raises(InputError, match=f"{kind.__name__}: there is no folder"):
        kind([], str(tmp_path / "none"), "train")
    with pytest.raises(InputError, match="must be 'train' or 'val', not 'vall'.*did you mean val"):
        kind([], str(tmp_path), "vall")


@pytest.mark.parametrize(
    "stem, fixture",
    [("pascal_context_59_480x480_80k", "voc"), ("coco_stuff_164k_512x512_160k", "coco"),
     ("coco_stuff_10k_512x512_80k", "coco_10k")],
)  # fmt: skip
def test_transforms_of_the_config_keep_image_and_label_together(stem, fixture, request):
    """Through the config's own training transforms: what is inside the crop is a class or ignored, nothing else."""
    builder = builder_of(stem, request.getfixturevalue(fixture))
    np.random.seed(0)
    train, val = builder.train_dataset[0], builder.val_dataset[0]
    side = 480 if "480" in stem else 512
    assert train["img"].shape == (3, side, side) and train["label"].shape == (side, side)
    classes = set(np.unique(train["label"]).tolist()) - {255}
    assert len(classes) > 5 and classes <= set(range(builder.train_dataset.num_classes))
    # The evaluated label is the file's own; only the image is resized.
    assert val["label"].shape == (1, *SIZE) and max(val["img"].shape[1:]) in (520, 549)


def test_check_data_counts_what_a_config_of_pascal_context_reads(voc, capsys):
    opts = [f"{section}.dataset_root={voc}" for section in ("train_dataset", "val_dataset")]
    config = CONFIGS / "seaformer/seaformer_tiny_pascal_context_59_480x480_80k.yml"
    assert main(["check-data", "--config", str(config), "--opts", *opts]) == 0
    assert "train_dataset" in capsys.readouterr().out

"""Each layout of a data set that `mobileseg init` reads, and the labels that it makes, pixel for pixel."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from paddleseg_mobileseg.errors import MobilesegError
from paddleseg_mobileseg.projects import coco
from support.project_data import HEIGHT, WIDTH, init, label, write_label, write_picture, written

ROAD, SKY, TREE, NOTHING = (128, 64, 128), (70, 130, 180), (107, 142, 35), (0, 0, 0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def painted(values, colours):
    return np.array(colours, np.uint8)[values]


def same(found, expected):
    assert sorted(found) == sorted(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


PAIRS = {
    "images and labels": ("images/{part}/{name}.jpg", "labels/{part}/{name}.png"),
    "images and masks": ("{part}/images/{name}.jpg", "{part}/masks/{name}_mask.png"),
    "img and ann": ("{part}/img/{name}.jpg", "{part}/ann/{name}.png"),
    "train and trainannot": ("{part}/{name}.png", "{part}annot/{name}.png"),
    "train_images and train_labels": ("{part}_images/{name}.jpg", "{part}_labels/{name}_label.png"),
    "beside each other": ("{part}/{name}.jpg", "{part}/{name}.png"),
    "suffix _L": ("{part}/{name}.png", "{part}/{name}_L.png"),
    "below a folder called seg": ("my_seg_set/images/{part}/{name}.jpg", "my_seg_set/labels/{part}/{name}.png"),
    "prefixes": ("images/{part}/img_{name}.jpg", "masks/{part}/mask_{name}.png"),
    "spaces": ("my images/{part}/{name} a.jpg", "my labels/{part}/{name} a.png"),
}


@pytest.mark.parametrize("layout", PAIRS)
def test_pairs_of_folders_are_used_where_they_lie(layout, tmp_path, data, rng):
    image, truth = PAIRS[layout]
    expected = {}
    for part, name in (("train", "a"), ("train", "b"), ("val", "a")):
        values = label(rng, [0, 1, 2, 255])
        write_picture(data / image.format(part=part, name=name), rng)
        write_label(data / truth.format(part=part, name=name), values)
        expected[f"{part}/{image.format(part=part, name=name).rsplit('/')[-1][:-4]}"] = values
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    project = init(tmp_path / "project", data)
    same(written(project), expected)
    assert project.converted == 0 and not (tmp_path / "project" / "labels").exists()
    assert before == {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}


def test_voc_splits_by_its_lists_and_a_palette_is_an_index(tmp_path, data, rng):
    palette = [0, 0, 0, 9, 9, 200, 0, 200, 0] + [255] * 3 * 253
    for name in "abcd":
        write_picture(data / f"JPEGImages/{name}.jpg", rng)
        write_label(data / f"SegmentationClass/{name}.png", label(rng, [0, 1, 2, 255]), palette=palette)
        write_label(data / f"SegmentationObject/{name}.png", label(rng, [0, 1]), palette=palette)
    lists = data / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\nc\n")
    (lists / "val.txt").write_text("b\n")
    project = init(tmp_path / "project", data)
    assert sorted(written(project)) == ["train/a", "train/c", "val/b"] and project.converted == 0
    assert project.classes.colours == ((0, 0, 0), (9, 9, 200), (0, 200, 0))


@pytest.mark.parametrize(
    "line", ["/SegNet/Set/{}.png /SegNet/Set/{}annot.png", "{}.png,{}annot.png", "{}.png\t{}annot.png"]
)
def test_list_files_find_their_files_below_the_folder(line, tmp_path, data, rng):
    expected = {}
    for name, part in zip("abcd", ("train", "train", "val", "test")):
        values = label(rng, [0, 1, 11])
        write_picture(data / f"{name}.png", rng)
        write_label(data / f"{name}annot.png", values)
        if part != "test":
            expected[f"{part}/{name}"] = np.where(values == 11, 255, values)
        with open(data / f"{part}.txt", "a") as listed:
            listed.write(line.format(name, name) + "\n")
    project = init(tmp_path / "project", data, void=["11"])
    same(written(project), expected)
    assert project.samples == {"train": 2, "val": 1, "test": 1} and (tmp_path / "project" / "test.txt").is_file()


def test_camvid_as_segnet_has_it_brings_its_names_and_void(tmp_path, rng):
    data = tmp_path / "CamVid"
    expected = {}
    for part, name in (("train", "a"), ("train", "b"), ("val", "c")):
        values = label(rng, range(12))
        write_picture(data / part / f"{name}.png", rng)
        write_label(data / f"{part}annot" / f"{name}.png", values)
        expected[f"{part}/{name}"] = np.where(values == 11, 255, values)
    project = init(tmp_path / "project", data)
    same(written(project), expected)
    assert project.classes.names[:2] == ("sky", "building") and len(project.classes) == 11
    assert "11 in the labels is not learnt: it becomes 255" in project.notes


@pytest.mark.parametrize("kind", ["labelIds", "labelTrainIds"])
def test_cityscapes_maps_its_ids(kind, tmp_path, data, rng):
    ids = [0, 3, 7, 8, 33]
    train_ids = {0: 255, 3: 255, 7: 0, 8: 1, 33: 18}
    expected = {}
    for part, name in (("train", "x_1"), ("train", "x_2"), ("val", "y_1"), ("test", "z_1")):
        values = label(rng, ids)
        expected[f"{part}/{name}_leftImg8bit"] = np.vectorize(train_ids.get)(values)
        write_picture(data / f"leftImg8bit/{part}/city/{name}_leftImg8bit.png", rng)
        stored = values if kind == "labelIds" else expected[f"{part}/{name}_leftImg8bit"]
        write_label(data / f"gtFine/{part}/city/{name}_gtFine_{kind}.png", stored)
        write_label(data / f"gtFine/{part}/city/{name}_gtFine_instanceIds.png", values * 1000, "I;16")
    del expected["test/z_1_leftImg8bit"]
    project = init(tmp_path / "project", data)
    same(written(project), expected)
    assert project.classes.names[0] == "road" and len(project.classes) == 19
    assert project.converted == (3 if kind == "labelIds" else 0)


def test_ade20k_ignores_0_and_counts_from_1(tmp_path, rng):
    data = tmp_path / "ADEChallengeData2016"
    expected = {}
    for part, name in (("training", "a"), ("training", "b"), ("validation", "c")):
        values = label(rng, [0, 1, 7, 150])
        write_picture(data / f"images/{part}/{name}.jpg", rng)
        write_label(data / f"annotations/{part}/{name}.png", values)
        expected[f"{'train' if part == 'training' else 'val'}/{name}"] = np.where(values == 0, 255, values - 1)
    project = init(tmp_path / "project", data)
    same(written(project), expected)
    assert project.classes.names[0] == "wall" and len(project.classes) == 150


COLOUR_MAPS = {
    "label_colors.txt": "64 128 64\tAnimal\n128 64 128\tRoad\n70 130 180\tSky\n0 0 0\tVoid\n",
    "class_dict.csv": "name,r,g,b\nAnimal,64,128,64\nRoad,128,64,128\nSky,70,130,180\nVoid,0,0,0\n",
    "labelmap.txt": "# label:color_rgb:parts:actions\n"
    "Animal:64,128,64::\nRoad:128,64,128::\nSky:70,130,180::\nVoid:0,0,0::\n",
    "classes.txt": "Animal #408040\nRoad #804080\nSky #4682b4\nVoid #000000\n",
}


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_colours_are_mapped_by_the_list_in_the_folder(name, tmp_path, data, rng):
    expected = {}
    for part, stem in (("train", "a"), ("train", "b"), ("val", "c")):
        values = label(rng, [0, 1, 2])
        write_picture(data / "701_StillsRaw" / part / f"{stem}.png", rng)
        write_label(data / "LabeledApproved" / part / f"{stem}_L.png", painted(values, [ROAD, SKY, NOTHING]), "RGB")
        expected[f"{part}/{stem}"] = np.array([1, 2, 255])[values]
    (data / name).write_text(COLOUR_MAPS[name])
    project = init(tmp_path / "project", data)
    same(written(project), expected)
    assert project.classes.names == ("Animal", "Road", "Sky") and project.classes.colours[1] == ROAD
    first = Image.open(next((tmp_path / "project" / "labels").rglob("a.png")))
    np.testing.assert_array_equal((np.asarray(first.convert("RGB")) == ROAD).all(-1), expected["train/a"] == 1)


def shape(kind, name, *points, **more):
    return {"label": name, "shape_type": kind, "points": [list(point) for point in points], **more}


def mask_of(values):
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def write_labelme(data, rng, name, shapes):
    write_picture(data / f"{name}.jpg", rng)
    content = {"shapes": shapes, "imagePath": f"{name}.jpg", "imageHeight": HEIGHT, "imageWidth": WIDTH}
    (data / f"{name}.json").write_text(json.dumps(content))


def test_labelme_draws_its_shapes_in_their_order(tmp_path, data, rng):
    square = np.ones((4, 6), bool)
    square[0, 0] = False
    shapes = [
        shape("rectangle", "sky", (30, 20), (2, 3)),
        shape("polygon", "road", (10, 5), (20, 5), (20, 15), (10, 15)),
        shape("rectangle", "__ignore__", (0, 0), (1, 1)),
        shape("mask", "tree", (32, 2), (37, 5), mask=mask_of(square)),
        shape("circle", "road", (35, 25), (35, 28)),
        shape("line", "tree", (0, 29), (20, 29)),
    ]
    for name in "abc":
        write_labelme(data, rng, name, shapes if name == "a" else shapes[:2])
    expected = np.zeros((HEIGHT, WIDTH), int)
    expected[3:21, 2:31] = 2
    expected[5:16, 10:21] = 1
    expected[0:2, 0:2] = 255
    expected[2:6, 32:38][square] = 3
    drawn = Image.fromarray(expected.astype(np.uint8))
    ImageDraw.Draw(drawn).ellipse([32, 22, 38, 28], fill=1, outline=1)
    ImageDraw.Draw(drawn).line([0, 29, 20, 29], fill=3, width=10)
    project = init(tmp_path / "project", data, val=0.34)
    assert project.classes.names == ("background", "road", "sky", "tree") and project.samples == {"train": 2, "val": 1}
    found = {name[-1]: values for name, values in written(project).items()}
    np.testing.assert_array_equal(found["a"], np.asarray(drawn))
    assert set(np.unique(found["b"])) == {0, 1, 2}
    void = init(tmp_path / "void", data, classes=["tree", "road", "sky"], void=["background"])
    assert void.classes.names == ("tree", "road", "sky")
    changed = {name[-1]: values for name, values in written(void).items()}["a"]
    np.testing.assert_array_equal(changed, np.array([255, 1, 2, 0] + [255] * 252)[np.asarray(drawn)])


def write_coco(data, rng, kind, annotations_of):
    for part, names in (("train", "ab"), ("val", "c")):
        images, annotations = [], []
        for index, name in enumerate(names):
            write_picture(data / f"{part}2017" / f"{name}.jpg", rng)
            images.append({"id": index + 1, "file_name": f"{name}.jpg", "height": HEIGHT, "width": WIDTH})
            annotations += annotations_of(part, name, index + 1)
        categories = [{"id": 3, "name": "tree"}, {"id": 7, "name": "road", "color": list(ROAD)}]
        (data / "annotations").mkdir(parents=True, exist_ok=True)
        content = {"images": images, "annotations": annotations, "categories": categories}
        (data / "annotations" / f"{kind}_{part}2017.json").write_text(json.dumps(content))


def test_coco_panoptic_reads_the_ids_of_its_segments(tmp_path, data, rng):
    expected = {}

    def annotate(part, name, image):
        values = label(rng, [0, 1, 2])
        ids = np.array([0, 70000, 515])[values]
        bytes_of_ids = np.stack([ids % 256, ids // 256 % 256, ids // 65536], -1)
        write_label(data / f"annotations/panoptic_{part}2017/{name}.png", bytes_of_ids, "RGB")
        expected[f"{part}/{name}"] = np.array([255, 0, 1])[values]
        segments = [{"id": 70000, "category_id": 3}, {"id": 515, "category_id": 7}]
        return [{"image_id": image, "file_name": f"{name}.png", "segments_info": segments}]

    write_coco(data, rng, "panoptic", annotate)
    project = init(tmp_path / "project", data)
    same(written(project), expected)
    assert project.classes.names == ("tree", "road") and project.classes.colours[1] == ROAD


def compressed(counts):
    """Run lengths as COCO writes them as text."""
    text = ""
    for index, count in enumerate(counts):
        value = count - (counts[index - 2] if index > 2 else 0)
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text += chr((bits | 0x20 if more else bits) + 48)
    return text


def test_coco_run_lengths_lie_over_what_is_larger(tmp_path, data, rng):
    large, small = [5 * HEIGHT, 20 * HEIGHT, 15 * HEIGHT], [10 * HEIGHT, 4 * HEIGHT, 3, 2, 26 * HEIGHT - 5]
    expected = np.zeros((HEIGHT, WIDTH), int)
    expected[:, 5:25] = 1
    expected[:, 10:14] = 2
    expected[3:5, 14] = 2

    def annotate(part, name, image):
        return [
            {"image_id": image, "category_id": category,
             "segmentation": {"counts": counts, "size": [HEIGHT, WIDTH]}}
            for category, counts in ((7, compressed(small)), (3, large))
        ]  # fmt: skip

    write_coco(data, rng, "instances", annotate)
    project = init(tmp_path / "project", data)
    assert project.classes.names == ("background", "tree", "road")
    same(written(project), {name: expected for name in ("train/a", "train/b", "val/c")})


def annotate_polygon(part, name, image):
    return [{"image_id": image, "category_id": 3, "segmentation": [[10, 5, 20, 5, 20, 15, 10, 15]], "iscrowd": 0}]


@pytest.mark.skipif(coco.coco_mask is None, reason="pycocotools is missing: pip install 'paddleseg_mobileseg[coco]'")
def test_coco_polygons_are_drawn(tmp_path, data, rng):
    write_coco(data, rng, "instances", annotate_polygon)
    expected = np.zeros((HEIGHT, WIDTH), int)
    expected[5:15, 10:20] = 1
    same(written(init(tmp_path / "project", data)), {name: expected for name in ("train/a", "train/b", "val/c")})


def test_coco_polygons_need_pycocotools(tmp_path, data, rng, monkeypatch):
    write_coco(data, rng, "instances", annotate_polygon)
    monkeypatch.setattr(coco, "coco_mask", None)
    with pytest.raises(coco.ToolError, match=r"pip install 'paddleseg_mobileseg\[coco\]'"):
        init(tmp_path / "project", data)
    assert not (tmp_path / "project").exists()


def test_coco_beside_its_pictures_as_roboflow_writes_it(tmp_path, data, rng):
    """Its category 0 is a heading that nothing belongs to."""
    expected = np.zeros((HEIGHT, WIDTH), int)
    expected[:, 5:25] = 1
    for part, names in (("train", "ab"), ("valid", "c"), ("test", "d")):
        size = {"height": HEIGHT, "width": WIDTH}
        images = [{"id": index, "file_name": f"{name}.jpg", **size} for index, name in enumerate(names)]
        runs = {"counts": [5 * HEIGHT, 20 * HEIGHT, 15 * HEIGHT], "size": [HEIGHT, WIDTH]}
        annotations = [{"image_id": i, "category_id": 1, "segmentation": runs} for i in range(len(names))]
        categories = [{"id": 0, "name": "things", "supercategory": "none"}, {"id": 1, "name": "cat"}]
        for name in names:
            write_picture(data / part / f"{name}.jpg", rng)
        content = {"images": images, "annotations": annotations, "categories": categories}
        (data / part / "_annotations.coco.json").write_text(json.dumps(content))
    project = init(tmp_path / "project", data)
    assert project.classes.names == ("background", "cat") and project.samples == {"train": 2, "val": 1, "test": 1}
    same(written(project), {name: expected for name in ("train/a", "train/b", "val/c")})


ODD = [None, -1, 2**70, "x" * 5000, "\0", [], {}, [None]]


def test_odd_values_in_json_are_one_line(tmp_path, data, rng):
    """Each value of a COCO and of a Labelme file in turn; what is refused leaves nothing behind."""

    def places(value, way=()):
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in pairs:
            yield (*way, key)
            yield from places(inner, (*way, key))

    def annotate(part, name, image):
        return [{"image_id": image, "category_id": 3, "segmentation": {"counts": [900, 300], "size": [HEIGHT, WIDTH]}}]

    write_coco(data / "coco", rng, "instances", annotate)
    for name in "abc":
        write_labelme(data / "labelme", rng, name, [shape("polygon", "leaf", (5, 5), (20, 5), (20, 15))])
    refused = 0
    for path in (data / "coco/annotations/instances_train2017.json", data / "labelme/a.json"):
        whole = path.read_text()
        for index, way in enumerate(list(places(json.loads(whole)))):
            content = json.loads(whole)
            section = content
            for key in way[:-1]:
                section = section[key]
            section[way[-1]] = ODD[index % len(ODD)]
            path.write_text(json.dumps(content))
            try:
                init(tmp_path / f"{path.stem}{index}", data / ("coco" if "coco" in str(path) else "labelme"))
            except MobilesegError as error:
                refused += 1
                assert len(str(error)) < 1500 and not (tmp_path / f"{path.stem}{index}").exists()
        path.write_text(whole)
    assert refused > 30

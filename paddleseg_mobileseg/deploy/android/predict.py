"""Images through a network on a phone, and how far its label maps agree with Paddle's on this host."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np
from tqdm import tqdm

from ...data.image_file import read_image
from ...errors import InputError, ToolError
from ...files import scratch_folder
from ..compare import PaddleReference
from ..runtime.agreement import Agreement, measure_agreement
from ..runtime.image_labels import image_labels
from ..runtime.inputs import find_images, prepare_image
from ..runtime.metadata import Metadata, read_metadata
from .adb import Adb
from .bench import write_batch
from .bench_binary import (
    DEFAULT_SETTINGS,
    NAME,
    DeviceBinary,
    RunSettings,
    check_model,
    find_binary,
    model_arguments,
)
from .device_cache import DeviceCache
from .phone import choose, read_phone

# More at a time would fill the phone, and the command line that names them.
_BATCH = 32


@dataclass(frozen=True)
class Prediction:
    """One image.

    Attributes:
        image: its file.
        labels: class numbers [H, W], of the image's own size.
        agreement: with Paddle's labels, if they were asked for.
    """

    image: Path
    labels: np.ndarray
    agreement: Optional[Agreement]


def predict(
    nb: Union[str, Path],
    images: Sequence[Union[str, Path]],
    serial: Optional[str] = None,
    check: Optional[Union[str, Path]] = None,
    settings: RunSettings = DEFAULT_SETTINGS,
    warn: Callable[[str], None] = lambda message: None,
) -> Iterator[Prediction]:
    """Run images through a converted model on a phone, some at a time, in their order.

    Args:
        nb: the model, for arm.
        images: files and folders of them.
        serial: of the phone; the only one if None.
        check: the exported model that `nb` was converted from, to compare the labels with Paddle's on this host, for
            images that PaddleSeg's own transforms prepared.
        settings, warn: as of `bench`.

    Raises:
        InputError: a file cannot be used, there is no adb, or no phone to choose.
        ToolError: a phone was lost or has no space; the program crashed, hangs, or gave no result.
    """
    nb, metadata = Path(nb), read_metadata(nb)
    if metadata.input.shape[0] != 1:
        raise InputError(f"{nb} takes {metadata.input.shape[0]} images at a time: convert it for one")
    found = find_images(images)
    reference = PaddleReference(check, metadata) if check else None
    if reference and reference.input.preprocessing != metadata.input.preprocessing:
        warn(f"{nb.name} prepares images in another way than {check} says: convert the model again")
    adb = Adb()
    phone = read_phone(adb, choose(adb, [serial] if serial else None)[0])
    executable = find_binary(phone.abis, settings)
    check_model(nb, metadata, phone)
    with DeviceCache(adb, phone.serial, settings.keep) as folder, tqdm(
        total=len(found), desc=phone.model, unit="image", disable=None, leave=False
    ) as progress:
        model = _Model(nb, metadata, folder, DeviceBinary(adb, folder, executable, settings))
        for start in range(0, len(found), _BATCH):
            batch = found[start:start + _BATCH]
            maps, warnings = model.run(batch, check=reference is not None)
            for message in warnings:
                warn(f"{nb.name} on {phone.serial}: {message}")
            for image, labels in zip(batch, maps):
                agreement = _agreement(reference, image, labels) if reference else None
                progress.update()
                yield Prediction(image, labels, agreement)


class _Model:
    """The network on a phone."""

    def __init__(self, nb: Path, metadata: Metadata, folder: DeviceCache, program: DeviceBinary):
        self._metadata, self._folder, self._program = metadata, folder, program
        self._arguments = ["--model", folder.put(nb, "model.nb"), *model_arguments(metadata)]
        # Every image is run once, and not timed. A label map of the network's size is not enough to make the image's.
        self._arguments += ["--warmup", "0", "--repeats", "0", "--write", "tensor"]

    def run(self, images: Sequence[Path], check: bool) -> Tuple[List[np.ndarray], List[str]]:
        """Labels [H, W] of each image at its own size, and the program's warnings.

        Args:
            images: the files.
            check: compare the label maps that the program made with those that this host makes of its logits.
        """
        tensor, output = self._metadata.input, self._metadata.output
        names = [f"output_{index}" for index in range(len(images))]
        sizes, inputs, maps = [], [], []
        with scratch_folder() as scratch:
            for index, path in enumerate(images):
                image = read_image(path)
                sizes.append(image.shape[:2])
                file = scratch / f"{index}.f32"
                write_batch(file, prepare_image(image, tensor))
                inputs.append(self._folder.put(file, "input.f32"))
            arguments = list(self._arguments)
            for path, name in zip(inputs, names):
                arguments += ["--input", path, "--output", self._folder.run_path(name)]
            report = self._program.run(arguments)
            for index, (name, size) in enumerate(zip(names, sizes)):
                self._folder.fetch(name, scratch / name)
                written = np.fromfile(scratch / name, np.dtype(report["output"]["dtype"]))
                shape = report["output"]["shape"]
                if written.size != np.prod(shape, dtype=float):
                    raise ToolError(f"{NAME} wrote {written.size} elements and tells of {shape}")
                result = written.reshape(shape)
                if check and output.label_map == "exact":
                    _check_label_map(images[index], output.labels(result), report["label_map"], index)
                trans_info = tensor.preprocessing.trans_info(size)
                maps.append(image_labels(output, result, trans_info, tensor.preprocessing.size))
        self._folder.remove([*inputs, *map(self._folder.run_path, names)])
        return maps, report["warnings"]


def _check_label_map(image: Path, labels: np.ndarray, reported: Dict[str, Any], index: int) -> None:
    """Compare the digest of a label map that the phone made with that of the one made here of the same logits.

    Raises:
        ToolError: they are of different label maps.
    """
    if fnv1a(labels.astype(reported["dtype"]).tobytes()) != reported["digests"][index]:
        raise ToolError(
            f"the phone's label map of {image} is not what its logits give on this host: {NAME} was built wrongly, "
            "without -ffast-math it gives the same bytes everywhere"
        )


def fnv1a(data: bytes) -> str:
    """The digest by which the program names its results: FNV-1a, 64 bits (deploy/cpp/bench/digest.h)."""
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"fnv1a64:{state:016x}"


def _agreement(reference: PaddleReference, image: Path, labels: np.ndarray) -> Agreement:
    """Compare the phone's `labels` [H, W] with Paddle's."""
    expected = reference.image_labels(image)[np.newaxis]
    return measure_agreement(expected.astype(np.int32), labels[np.newaxis].astype(np.int32), str(image))

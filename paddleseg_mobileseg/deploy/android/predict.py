"""Images through a network on a phone, and how far its label maps agree with Paddle's on this host."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Union

import numpy as np
from tqdm import tqdm

from ...data.image_file import read_image
from ...errors import InputError, ToolError
from ...files import scratch_folder
from ..compare import PaddleReference
from ..runtime.agreement import Agreement, measure_agreement
from ..runtime.image_labels import image_labels
from ..runtime.inputs import find_images, prepare_image
from ..runtime.metadata import read_metadata
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

BATCH = 32
"""Images at a time: more would fill the phone, and the command line that names them."""


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
    found = find_images(images)
    reference = PaddleReference(check, metadata) if check else None
    if reference and reference.input.preprocessing != metadata.input.preprocessing:
        warn(f"{nb.name} prepares images in another way than {check} says: convert the model again")
    with PhoneNetwork(nb, serial, settings, warn) as network, tqdm(
        total=len(found), desc=network.phone.model, unit="image", disable=None, leave=False
    ) as progress:
        for start in range(0, len(found), BATCH):
            batch = found[start:start + BATCH]
            maps = network.label_maps(map(read_image, batch), list(map(str, batch)), check=reference is not None)
            for image, labels in zip(batch, maps):
                agreement = _agreement(reference, image, labels) if reference else None
                progress.update()
                yield Prediction(image, labels, agreement)


class PhoneNetwork:
    """A converted network on a phone; a context manager, at whose end nothing is left there.

    Args:
        nb: the model, for arm.
        serial: of the phone; the only one if None.
        settings, warn: as of `bench`.

    Attributes:
        phone: what is known of it.
        metadata: what the JSON file beside the model says.

    Raises:
        InputError: the model cannot be used, there is no adb, or no phone to choose.
        ToolError: the phone was lost or has no space.
    """

    def __init__(
        self,
        nb: Union[str, Path],
        serial: Optional[str] = None,
        settings: RunSettings = DEFAULT_SETTINGS,
        warn: Callable[[str], None] = lambda message: None,
    ):
        self._nb, self.metadata = Path(nb), read_metadata(nb)
        if self.metadata.input.shape[0] != 1:
            raise InputError(f"{nb} takes {self.metadata.input.shape[0]} images at a time: convert it for one")
        self._warn = warn
        adb = Adb()
        self.phone = read_phone(adb, choose(adb, [serial] if serial else None)[0])
        executable = find_binary(self.phone.abis, settings)
        check_model(self._nb, self.metadata, self.phone)
        if self.metadata.doubt:
            warn(f"{self._nb.name}: {self.metadata.doubt}")
        with ExitStack() as opened:
            self._folder = opened.enter_context(DeviceCache(adb, self.phone.serial, settings.keep))
            self._program = DeviceBinary(adb, self._folder, executable, settings)
            self._arguments = ["--model", self._folder.put(self._nb, "model.nb"), *model_arguments(self.metadata)]
            # Every image is run once and not timed. A label map of the network's size cannot become the image's.
            self._arguments += ["--warmup", "0", "--repeats", "0", "--write", "tensor"]
            self._opened = opened.pop_all()

    def __enter__(self) -> "PhoneNetwork":
        return self

    def __exit__(self, *exception: Any) -> None:
        self._opened.__exit__(*exception)

    def label_maps(
        self, images: Iterable[np.ndarray], names: Sequence[str], check: bool = False
    ) -> List[np.ndarray]:
        """Labels [H, W] of each image at its own size.

        Args:
            images: uint8 RGB [H, W, 3], at most `BATCH`; each is let go of before the next is asked for.
            names: what to call them.
            check: compare the label maps that the program made with those that this host makes of its logits.

        Raises:
            ToolError: the phone was lost or has no space; the program crashed, hangs, or gave no result.
        """
        tensor, output = self.metadata.input, self.metadata.output
        results = [f"output_{index}" for index in range(len(names))]
        sizes, inputs, maps = [], [], []
        with scratch_folder() as scratch:
            for index, image in enumerate(images):
                sizes.append(image.shape[:2])
                file = scratch / f"{index}.f32"
                write_batch(file, prepare_image(image, tensor))
                inputs.append(self._folder.put(file, "input.f32"))
            arguments = list(self._arguments)
            for path, result in zip(inputs, results):
                arguments += ["--input", path, "--output", self._folder.run_path(result)]
            report = self._program.run(arguments)
            for message in report["warnings"]:
                self._warn(f"{self._nb.name} on {self.phone.serial}: {message}")
            for index, (result, size) in enumerate(zip(results, sizes)):
                self._folder.fetch(result, scratch / result)
                values = _written(scratch / result, report["output"])
                if check and output.label_map == "exact":
                    _check_label_map(names[index], output.labels(values), report["label_map"], index)
                trans_info = tensor.preprocessing.trans_info(size)
                maps.append(image_labels(output, values, trans_info, tensor.preprocessing.size))
        self._folder.remove([*inputs, *map(self._folder.run_path, results)])
        return maps


def _written(path: Path, described: Dict[str, Any]) -> np.ndarray:
    """The output in a file of the program's, which says of it what `described` holds.

    Raises:
        ToolError: the file is of another size.
    """
    values = np.fromfile(path, np.dtype(described["dtype"]))
    if values.size != np.prod(described["shape"], dtype=float):
        raise ToolError(f"{NAME} wrote {values.size} elements and tells of {described['shape']}")
    return values.reshape(described["shape"])


def _check_label_map(image: str, labels: np.ndarray, reported: Dict[str, Any], index: int) -> None:
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

"""Images through a network on a phone, and how far its label maps agree with Paddle's on this host."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np
from tqdm import tqdm

from ...errors import InputError
from ...files import scratch_folder
from ...labels import label_map_of
from ..compare import PaddleReference
from ..runtime.agreement import Agreement, measure_agreement
from ..runtime.inputs import find_images, read_image
from ..runtime.metadata import Metadata, read_metadata
from .adb import Adb
from .bench import InputFiles
from .bench_binary import DEFAULT_SETTINGS, DeviceBinary, RunSettings, check_model, find_binary, model_arguments
from .device_cache import DeviceCache
from .phone import choose, read_phone

# More at a time would fill the phone, and the command line that names them.
_BATCH = 32


@dataclass(frozen=True)
class Prediction:
    """One image.

    Attributes:
        image: its file.
        labels: class numbers [H, W], of the network's size.
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
        check: the exported model that `nb` was converted from, to compare the labels with Paddle's on this host.
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
            maps, warnings = model.run(batch)
            for message in warnings:
                warn(f"{nb.name} on {phone.serial}: {message}")
            for image, labels in zip(batch, maps):
                agreement = _agreement(reference, metadata, image, labels) if reference else None
                progress.update()
                yield Prediction(image, labels, agreement)


class _Model:
    """The network on a phone."""

    def __init__(self, nb: Path, metadata: Metadata, folder: DeviceCache, program: DeviceBinary):
        self._metadata, self._folder, self._program = metadata, folder, program
        self._arguments = ["--model", folder.put(nb, "model.nb"), *model_arguments(metadata)]
        # Every image is run once, and not timed.
        self._arguments += ["--warmup", "0", "--repeats", "0"]

    def run(self, images: Sequence[Path]) -> Tuple[List[np.ndarray], List[str]]:
        """Labels [H, W] of each image, and the program's warnings."""
        names = [f"output_{index}" for index in range(len(images))]
        with scratch_folder() as scratch:
            files = InputFiles(images, 0, len(images), scratch).write(self._metadata.input)
            inputs = [self._folder.put(path, "input.f32") for path in files]
            arguments = list(self._arguments)
            for path, name in zip(inputs, names):
                arguments += ["--input", path, "--output", self._folder.run_path(name)]
            report = self._program.run(arguments)
            written = report["label_map"] or report["output"]
            maps = []
            for name in names:
                self._folder.fetch(name, scratch / name)
                output = np.fromfile(scratch / name, np.dtype(written["dtype"]))
                maps.append(label_map_of(output.reshape(written["shape"]))[0])
        self._folder.remove([*inputs, *map(self._folder.run_path, names)])
        return maps, report["warnings"]


def _agreement(reference: PaddleReference, metadata: Metadata, image: Path, labels: np.ndarray) -> Agreement:
    """Compare the phone's `labels` [H, W] with Paddle's.

    Raises:
        InputError: they are of another size: the phone's model is of another export.
    """
    expected = reference.labels(read_image(image, metadata.input))
    return measure_agreement(expected.astype(np.int32), labels[np.newaxis].astype(np.int32), str(image))

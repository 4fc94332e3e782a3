"""`deploy.yaml`, which says how images become the input of an exported network.

PaddleSeg's export writes it without any end: what is left of a file that was cut off is often a whole file with less in
it, such as one without the normalisation. Ours begins with a comment that promises a checksum, and ends with it;
PaddleSeg and its deployment tools skip comments. One without the promise must have everything that PaddleSeg writes
(tools/export.py of 2.8.0 and 2.9.1: sorted keys, so the transforms come last, and the type last in each).
"""

import hashlib
import math
from pathlib import Path
from typing import Any, Dict, Optional

import yaml

from ...errors import InputError, shown
from ...files import read_regular
from ...strict_yaml import MAX_BYTES, parse_yaml
from .. import OUTPUT_OPS

_PROMISE = "# Written by mobileseg; its last line is the SHA-256 of what is above that line.\n"
_MARK = "# sha256: "
_KEYS = ("input_shape", "model", "output_dtype", "output_op", "params", "transforms")


def deploy_yaml(description: Dict[str, Any]) -> str:
    """The text of a `deploy.yaml`, with its checksum.

    Args:
        description: what stands under "Deploy": the keys that PaddleSeg writes, and perhaps "classes".
    """
    text = _PROMISE + yaml.dump({"Deploy": description})
    return f"{text}{_MARK}{_checksum(text)}\n"


def read_deploy_yaml(path: Path) -> Dict[str, Any]:
    """What stands under "Deploy" in a `deploy.yaml` of ours or of PaddleSeg's.

    Returns:
        All the keys that PaddleSeg writes; "transforms" is None where ours says that they are not known. "classes" is a
        list for `parse_classes`, where there is one.

    Raises:
        InputError: it is no YAML, cut off, changed after it was written, or does not say all that it must.
    """
    text = _text_of(path)
    ours = text.startswith(_PROMISE)
    if ours:
        body, _, end = text.rpartition(_MARK)
        if not body.endswith("\n") or end.strip() != _checksum(body):
            raise InputError(
                f"{path} is cut off, or was changed after it was written: its checksum is another; export the model "
                "again, or remove its first and last line if you changed it"
            )
    elif not text.endswith("\n"):
        raise InputError(f"{path} is cut off: its last line has no end; export the model again")
    content = parse_yaml(text, str(path))
    fault = _fault(content, ours)
    if fault:
        raise InputError(f"{path} {fault}; export the model again")
    return content["Deploy"]


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _text_of(path: Path) -> str:
    try:
        return read_regular(path, MAX_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text in UTF-8; export the model again") from error


def _fault(content: Any, ours: bool) -> Optional[str]:
    """Why this is no whole description; None where it is. `ours` has a checksum, so nothing of it can be missing."""
    section = content.get("Deploy") if isinstance(content, dict) else None
    if not isinstance(section, dict):
        return "has no section 'Deploy'"
    missing = [key for key in _KEYS if key not in section]
    if missing:
        return f"is cut off or of another tool: Deploy.{missing[0]} is missing"
    for key, suffix in (("model", ""), ("params", ".pdiparams")):
        name = section[key]
        if not isinstance(name, str) or not name.endswith(suffix) or Path(name).name != name:
            return f"names no file beside it: Deploy.{key} is {shown(name)}"
    shape = section["input_shape"]
    if not isinstance(shape, (list, tuple)) or len(shape) != 4 or not all(_is_size(size) for size in shape):
        return f"has {shown(shape)} where Deploy.input_shape is four sizes"
    if section["output_op"] not in OUTPUT_OPS or not isinstance(section["output_dtype"], str):
        return "does not say what the output is: Deploy.output_op and Deploy.output_dtype"
    return None if ours and section["transforms"] is None else _fault_of_transforms(section["transforms"], ours)


def _is_size(size: Any) -> bool:
    return size is None or type(size) is int and size >= -1


def _fault_of_transforms(transforms: Any, ours: bool) -> Optional[str]:
    """What is wrong with the list, as far as it can be told without PaddleSeg's classes, which check the rest."""
    if not isinstance(transforms, (list, tuple)):
        return f"has {shown(transforms)} where Deploy.transforms is a list"
    for step in transforms:
        if not isinstance(step, dict) or not isinstance(step.get("type"), str):
            return f"has a transform without its type: {shown(step)}"
        given = [key for key in ("mean", "std") if key in step]
        if step["type"] == "Normalize" and given and not ours:
            if len(given) != 2 or not all(_are_three(step[key]) for key in given):
                return f"has a Normalize without three numbers each as mean and std: {shown(step)}"
    if not ours and not any(step["type"] == "Normalize" for step in transforms):
        return "is cut off, or of a network for raw pixels (`mobileseg export` exports one): it has no Normalize"
    return None


def _are_three(numbers: Any) -> bool:
    return (
        isinstance(numbers, (list, tuple))
        and len(numbers) == 3
        and all(type(number) in (int, float) and math.isfinite(number) for number in numbers)
    )

"""Reading a config of PaddleDetection, which lists its components at the top instead of nesting them."""

from pathlib import Path
from typing import Any, Dict, List, Sequence, Union

import yaml
from ppdet.core import workspace

from ..errors import InputError, shown
from .backbones import SeaFormerBackbone, StrideFormerBackbone

_BACKBONES = (SeaFormerBackbone.__name__, StrideFormerBackbone.__name__)


def load_config(path: Union[str, Path], opts: Sequence[str] = (), pretrained: bool = True) -> Dict[str, Any]:
    """Read a config into PaddleDetection's one global config, and check what it would only find out in the middle.

    Args:
        path: a .yml file; its `_BASE_` is followed.
        opts: overrides, each "key.subkey=value" with a value in YAML.
        pretrained: False leaves the backbone's own pretrained weights away, for a network that is loaded whole.

    Raises:
        InputError: a file is missing or no YAML, would build Python objects while it is read, has no architecture,
            or an override reaches nothing.
    """
    path = Path(path)
    _check_file(path)
    try:
        config = workspace.load_config(str(path))
    except yaml.YAMLError as error:
        raise InputError(f"cannot read config {path}: {shown(error, 300)}") from error
    for opt in opts:
        workspace.merge_config(_override(config, opt))
    if "architecture" not in config:
        raise InputError(f"{path} names no `architecture`: it is no config of PaddleDetection")
    if not pretrained:
        for name in _BACKBONES:
            config[name]["pretrained"] = None
    return config


def _check_file(path: Path, above: Sequence[Path] = ()) -> None:
    """Read a file and its bases without building anything from them, for an error that says where the fault is."""
    if path.suffix not in (".yml", ".yaml") or not path.is_file():
        raise InputError(f"there is no config {path}" if not path.is_file() else f"config {path} must be a .yml file")
    if path.resolve() in above:
        raise InputError(f"config {path} is its own _BASE_")
    try:
        text = path.read_text(encoding="utf-8")
        tags = [getattr(event, "tag", None) or "" for event in yaml.parse(text)]
        root = yaml.compose(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"cannot read config {path}: {error}") from error
    python = [tag for tag in tags if "python" in tag]
    if python:
        raise InputError(f"config {path} holds {python[0]}, which would run code while it is read; take it out")
    if not isinstance(root, yaml.MappingNode):
        raise InputError(f"config {path} must hold keys and values")
    for key, value in root.value:
        if key.value == workspace.BASE_KEY:
            if not isinstance(value, yaml.SequenceNode) or any(each.id != "scalar" for each in value.value):
                raise InputError(f"config {path}: _BASE_ must be a list of files")
            for base in value.value:
                _check_file(path.parent / Path(base.value).expanduser(), (*above, path.resolve()))


def _override(config: Dict[str, Any], opt: str) -> Dict[str, Any]:
    """An override "key.subkey=value" as nested mappings; the way to the last key must be there."""
    keys, equals, text = opt.partition("=")
    *above, last = keys.split(".")
    if not equals or not last:
        raise InputError(f"--opts {opt}: write key=value, such as --opts TrainReader.batch_size=4")
    section: Any = config
    for key in above:
        section = section.get(key) if isinstance(section, dict) else None
        if not isinstance(section, dict):
            raise InputError(f"--opts {opt}: the config has no section '{key}' with keys in it")
    nested: Any = yaml.safe_load(text)
    for key in reversed([*above, last]):
        nested = {key: nested}
    return nested


def missing_data(config: Dict[str, Any], sections: List[str]) -> List[str]:
    """The folders of data sets that are not there; PaddleDetection would begin to download 20 GB of COCO."""
    folders = [config[section].get("dataset_dir") for section in sections if isinstance(config.get(section), dict)]
    return [folder for folder in folders if folder and not Path(folder).is_dir()]

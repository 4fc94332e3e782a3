"""Reading a PaddleSeg config so that a mistake in it gives one error that says where it is.

Stock PaddleSeg silently ignores a misspelt section or optimizer key, and reports an unknown argument from inside a
constructor. Here every key is held against what the component takes, before anything is built.
"""

import copy
import os
import re
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Union

import yaml
from paddleseg.cvlibs import Config, SegBuilder
from paddleseg.cvlibs.config import merge_config_dicts
from paddleseg.cvlibs.config_checker import ConfigChecker
from paddleseg.utils.utils import NoAliasDumper

from ..classes import Classes, classes_list, parse_classes, read_classes
from ..errors import InputError, MobilesegError, near, shown
from ..files import read_regular
from ..strict_yaml import MAX_BYTES, parse_yaml
from .checks import REGISTRIES, SECTIONS, check_sections, kind_of
from .ignored import agree_on_ignored

_BASE = "_base_"
_CLASSES = "classes"
_INHERITED = "_inherited_"
_MAX_BASES = 20


def load_config(
    path: Union[str, Path],
    learning_rate: Optional[float] = None,
    batch_size: Optional[int] = None,
    iters: Optional[int] = None,
    opts: Optional[List[str]] = None,
    needs: Iterable[str] = (),
    **newer: Any,
) -> Config:
    """Read and check a config; each file of it is read once.

    Args:
        path: a .yml file, with or without `_base_`.
        learning_rate, batch_size, iters: replace what the config says.
        opts: PaddleSeg's `--opts`, each "key.subkey=value".
        needs: sections that must be there besides those PaddleSeg always wants.
        newer: arguments that only newer versions of PaddleSeg's Config take.

    Raises:
        InputError: a file is missing or is not YAML, a section is missing, or a key, a type, an argument or
            an override is not known; the message says which, where, and what is near to it.
    """
    path = str(path)
    content = read_content(path)
    _check_opts(content, opts or [], path)
    for name, value in (("learning_rate", learning_rate), ("batch_size", batch_size), ("iters", iters)):
        if value is not None and not value > 0:  # PaddleSeg would pass over 0 in silence
            raise InputError(f"--{name} must be above 0, not {value}")
    newer = {name: value for name, value in newer.items() if value is not None}
    try:
        config = _config_class(content)(
            path, learning_rate, batch_size, iters, opts=opts or None, checker=ConfigChecker([]), **newer
        )
        check_sections(config.dic, path, needs)
        agree_on_ignored(config.dic, path)
        Config._build_default_checker().apply_all_rules(config)
        _check_classes(config, path)
    except MobilesegError:
        raise
    except Exception as error:  # whatever PaddleSeg's own reader and rules raise
        raise InputError(f"{path}: {last_line(error)}") from error
    return config


def _config_class(content: Mapping[str, Any]) -> type:
    """PaddleSeg's Config over content that was read already."""

    class ReadConfig(Config):
        @classmethod
        def _parse_from_yaml(cls, path: str, *args: Any, **kwargs: Any) -> Dict[str, Any]:
            return copy.deepcopy(dict(content))

    return ReadConfig


def read_content(path: Union[str, Path]) -> Dict[str, Any]:
    """The sections of a config with those of its bases merged in as PaddleSeg does it, their keys not yet checked.

    Raises:
        InputError: a file is missing, is not YAML, has an unknown section, or is its own base.
    """
    return _read(str(path), [], {})


def config_text(config: Config) -> str:
    """A config as it was read, with its bases and all that replaces values, as a .yml file that stands alone.

    Its relative paths mean the same to whoever reads it from the same working folder.
    """
    sections = {name: _plain(config.dic[name]) for name in SECTIONS if name in config.dic}
    return yaml.dump(sections, Dumper=NoAliasDumper, sort_keys=False, allow_unicode=True)


def _plain(value: Any) -> Any:
    """A value of a config with lists for the tuples that `--opts` makes."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def without_pretrained(section: Any) -> Any:
    """A part of a config without its `pretrained` keys."""
    if isinstance(section, dict):
        return {key: without_pretrained(value) for key, value in section.items() if key != "pretrained"}
    if isinstance(section, list):
        return [without_pretrained(item) for item in section]
    return section


def build_component(section: Mapping[str, Any]) -> Any:
    """The component that a part of a config describes, with what is nested in it.

    Args:
        section: "type" and the arguments; a value that has a "type" of its own is built first.

    Raises:
        InputError: no registry of PaddleSeg has a component of that type.
    """
    name = section["type"]
    registry = next((each for each in REGISTRIES if name in each.components_dict), None)
    if registry is None:
        raise InputError(f"there is no component '{name}' in PaddleSeg's registries")
    return registry[name](**{key: _built(value) for key, value in section.items() if key != "type"})


def _built(value: Any) -> Any:
    if isinstance(value, Mapping) and "type" in value:
        return build_component(value)
    return [_built(item) for item in value] if isinstance(value, list) else value


def build(config: Config, part: str, builder: Optional[SegBuilder] = None, path: str = "the config") -> Any:
    """Build one part ("model", "train_dataset", "val_dataset", "optimizer", "loss", "val_transforms").

    Raises:
        InputError: it cannot be built; the message is the innermost one.
    """
    try:
        return getattr(builder or SegBuilder(config), part)
    except Exception as error:
        raise innermost(error) or InputError(f"{path}: {part} cannot be built: {last_line(error)}") from error


def innermost(error: Optional[BaseException]) -> Optional[MobilesegError]:
    """The error of this plugin that `error` was raised from or while handling, if there is one."""
    while error is not None:
        if isinstance(error, MobilesegError):
            return error
        error = error.__cause__ or error.__context__
    return None


def last_line(error: BaseException) -> str:
    """The last line of a message, where PaddleSeg and Paddle say what is wrong; the error's type where it is empty."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _read(path: str, above: List[Path], known: Dict[Path, Dict[str, Any]]) -> Dict[str, Any]:
    """A file merged with its bases; `above` are those it is a base of, `known` what was read before."""
    file = Path(path)
    origin = f", the _base_ of {above[-1]}" if above else ""
    if not os.path.isfile(path):  # of a path that no file can have, Path.is_file would raise
        raise InputError(f"there is no config {shown(path, 300)}{origin}")
    if file.suffix not in (".yml", ".yaml"):
        raise InputError(f"config {path}{origin} must be a .yml or .yaml file")
    if file.resolve() in [each.resolve() for each in above]:
        raise InputError(f"config {path} is its own _base_, by way of {above[-1]}")
    if len(above) > _MAX_BASES:
        raise InputError(f"config {path}{origin}: more than {_MAX_BASES} files stand one upon another as _base_")
    if file.resolve() not in known:
        content = _parse(path)
        for base in _bases(path, content.pop(_BASE, [])):
            content = _merged(path, content, _read(str(file.parent / base), above + [file], known))
        known[file.resolve()] = content
    return known[file.resolve()]


def _bases(path: str, given: Any) -> List[str]:
    """The files that `_base_` names."""
    bases = given if isinstance(given, list) else [given]
    wrong = [base for base in bases if not isinstance(base, str)]
    if wrong:
        raise InputError(f"{path}: _base_ names a config or a list of them, it holds {kind_of(wrong[0])}")
    return bases


def _merged(path: str, content: Dict[str, Any], base: Dict[str, Any]) -> Dict[str, Any]:
    """`content` laid over its base by PaddleSeg, which cannot lay keys over what has none."""
    try:
        return merge_config_dicts(content, base)
    except (AttributeError, TypeError) as error:
        raise InputError(f"{path} gives keys to what its _base_ has no keys in; write `_inherited_: False`") from error


def _parse(path: str) -> Dict[str, Any]:
    """One file, which must be YAML and have known sections only."""
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"config {path} is not a text in UTF-8") from error
    content = parse_yaml(text, path)
    if not isinstance(content, dict):
        raise InputError(f"config {path} must hold sections such as 'model:', it holds {kind_of(content)}")
    for key in content:
        # A value with an anchor is there for others to refer to it.
        anchored = re.search(rf"^{re.escape(str(key))}\s*:\s*&", text, re.MULTILINE)
        if key not in SECTIONS + (_BASE, _INHERITED) and not anchored:
            raise InputError(f"{path}: PaddleSeg knows no section '{shown(key)}'{near(key, SECTIONS + (_BASE,))}")
    if _CLASSES in content:
        content[_CLASSES] = classes_list(_classes_of(content[_CLASSES], path))
    return content


def _classes_of(given: Any, path: str) -> Classes:
    """The classes that a config lists, or those of the text file that it names, beside itself."""
    if not isinstance(given, str):
        return parse_classes(given, path)
    file = Path(path).parent / given
    if not os.path.isfile(file):
        raise InputError(f"{path}: classes: there is no file {shown(file, 300)}; it lists a class a line")
    return read_classes(file)


def _check_classes(config: Config, path: str) -> None:
    """The classes, also those of an override, must be as many as the network and the data sets say."""
    if _CLASSES not in config.dic:
        return
    classes = _classes_of(config.dic[_CLASSES], "--opts classes")
    config.dic[_CLASSES] = classes_list(classes)
    for section in ("model", "train_dataset", "val_dataset"):
        count = (config.dic.get(section) or {}).get("num_classes")
        if count is not None and count != len(classes):
            raise InputError(f"{path}: classes lists {len(classes)}, and {section}.num_classes is {count}")


def _check_opts(content: Mapping[str, Any], opts: Iterable[str], path: str) -> None:
    """Check that each override reaches something; whether the component takes it is checked afterwards."""
    for opt in opts:
        if opt.count("=") != 1:
            raise InputError(f"--opts {opt}: write key=value, such as --opts model.num_classes=19")
        *above, last = opt.split("=")[0].split(".")
        section: Any = content
        for depth, key in enumerate(above):
            if not isinstance(section, dict) or key not in section:
                reached = ".".join(above[:depth]) or path
                names = section if isinstance(section, dict) else ()
                raise InputError(f"--opts {opt}: {reached} has no key '{key}'{near(key, names)}")
            section = section[key]
        if not isinstance(section, dict):
            raise InputError(f"--opts {opt}: {'.'.join(above)} is {kind_of(section)}, it has no keys")
        if not above and last not in SECTIONS:
            raise InputError(f"--opts {opt}: PaddleSeg knows no section '{last}'{near(last, SECTIONS)}")

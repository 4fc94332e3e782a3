"""Reading a PaddleSeg config so that a mistake in it gives one error that says where it is.

Stock PaddleSeg ignores a misspelt section or optimizer key without a word, and reports an unknown
argument from inside a constructor. Here every key is held against what the component takes, before
anything is built.
"""

import difflib
import inspect
import re
from pathlib import Path
from typing import Any, Callable, Iterable, List, Mapping, Optional, Tuple, Union

import paddle
import yaml
from paddleseg.core import evaluate, predict
from paddleseg.cvlibs import Config, SegBuilder, manager
from paddleseg.cvlibs.config_checker import ConfigChecker

from ..errors import InputError, MobilesegError, near

SECTIONS = (
    "batch_size",
    "iters",
    "train_dataset",
    "val_dataset",
    "optimizer",
    "lr_scheduler",
    "loss",
    "distill_loss",
    "model",
    "test_config",
    "to_static_training",
)
"""The top-level keys that PaddleSeg reads."""

REQUIRED = ("batch_size", "iters", "train_dataset", "optimizer", "lr_scheduler", "loss", "model")

_BASE = "_base_"
_INHERITED = "_inherited_"

_FILLED_IN = ("num_classes", "in_channels", "ignore_index")
"""Arguments that PaddleSeg passes on from one section to another."""

_OLD_OPTIMIZERS = {"adam": "Adam", "sgd": "SGD"}

_GROUP_KEYS = ("name", "lr_mult", "weight_decay_mult")

_REGISTRIES = (
    manager.MODELS,
    manager.BACKBONES,
    manager.DATASETS,
    manager.TRANSFORMS,
    manager.LOSSES,
    manager.OPTIMIZERS,
)

# YAML 1.1 wants a point in the mantissa; without it the value is text.
_TEXT_NUMBER = re.compile(r"[+-]?\d+[eE][+-]?\d+")


def load_config(
    path: Union[str, Path],
    learning_rate: Optional[float] = None,
    batch_size: Optional[int] = None,
    iters: Optional[int] = None,
    opts: Optional[List[str]] = None,
    needs: Iterable[str] = (),
    **newer: Any,
) -> Config:
    """Read and check a config.

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
    _check_files(path, [])
    newer = {name: value for name, value in newer.items() if value is not None}
    try:
        plain = Config(path, checker=ConfigChecker([]))
        _check_opts(plain.dic, opts or [], path)
        config = Config(
            path, learning_rate, batch_size, iters, opts=opts or None, checker=ConfigChecker([]), **newer
        )
        check_sections(config.dic, path, needs)
        Config._build_default_checker().apply_all_rules(config)
    except MobilesegError:
        raise
    except Exception as error:  # whatever PaddleSeg's own reader and rules raise
        raise InputError(f"{path}: {last_line(error)}") from error
    return config


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


def _check_files(path: str, above: List[Path]) -> None:
    """Check that `path` and its bases are there, are YAML and have known sections only."""
    file = Path(path)
    origin = f", the _base_ of {above[-1]}" if above else ""
    if not file.is_file():
        raise InputError(f"there is no config {path}{origin}")
    if file.suffix not in (".yml", ".yaml"):
        raise InputError(f"config {path}{origin} must be a .yml or .yaml file")
    if file.resolve() in [each.resolve() for each in above]:
        raise InputError(f"config {path} is its own _base_, by way of {above[-1]}")
    try:
        text = file.read_text(encoding="utf-8")
        content = yaml.load(text, Loader=yaml.FullLoader)
    except UnicodeDecodeError as error:
        raise InputError(f"config {path} is not a text in UTF-8") from error
    except OSError as error:
        raise InputError(f"cannot read config {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InputError(f"{path}{where}: not YAML: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(content, dict):
        raise InputError(f"config {path} must hold sections such as 'model:', it holds {_kind(content)}")
    for key in content:
        # A value with an anchor is there for others to refer to it.
        anchored = re.search(rf"^{re.escape(str(key))}\s*:\s*&", text, re.MULTILINE)
        if key not in SECTIONS + (_BASE, _INHERITED) and not anchored:
            raise InputError(f"{path}: PaddleSeg knows no section '{key}'{near(key, SECTIONS + (_BASE,))}")
    bases = content.get(_BASE, [])
    for base in [bases] if isinstance(bases, str) else bases:
        _check_files(str(file.parent / base), above + [file])


def _kind(value: Any) -> str:
    name = type(value).__name__
    return "nothing" if value is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


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
            raise InputError(f"--opts {opt}: {'.'.join(above)} is {_kind(section)}, it has no keys")
        if not above and last not in SECTIONS:
            raise InputError(f"--opts {opt}: PaddleSeg knows no section '{last}'{near(last, SECTIONS)}")


def check_sections(content: Mapping[str, Any], path: str, needs: Iterable[str] = ()) -> None:
    """Check a merged config: sections, types and arguments.

    Raises:
        InputError: see `load_config`.
    """
    for section in REQUIRED + tuple(needs):
        if section not in content:
            raise InputError(f"{path}: there is no section '{section}:'; PaddleSeg needs it")
    for key in ("batch_size", "iters"):
        value = content[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"{path}: {key} must be a whole number above 0, it is {value!r}")
    check = _ComponentCheck(path)
    check.component("model", content["model"], manager.MODELS)
    for section in ("train_dataset", "val_dataset"):
        if section in content:
            check.component(section, content[section], manager.DATASETS)
    for section in ("loss", "distill_loss"):
        if section in content:
            check.losses(section, content[section])
    check.optimizer("optimizer", content["optimizer"])
    check.lr_scheduler("lr_scheduler", content["lr_scheduler"])
    if content.get("test_config") is not None:
        check.keys("test_config", content["test_config"], _test_options())


def _test_options() -> List[str]:
    """What `test_config` may hold: it is passed to PaddleSeg's evaluate and predict as it stands."""
    names = [*inspect.signature(evaluate).parameters, *inspect.signature(predict).parameters]
    passed_by_scripts = ("model", "eval_dataset", "model_path", "transforms", "image_list", "image_dir", "save_dir")
    return [name for name in dict.fromkeys(names) if name not in passed_by_scripts]


class _ComponentCheck:
    """Holds the sections of one config against the components they name."""

    def __init__(self, path: str):
        self.path = path

    def fail(self, where: str, problem: str) -> None:
        raise InputError(f"{self.path}: {where}: {problem}")

    def keys(self, where: str, given: Any, known: Iterable[str], owner: str = "") -> None:
        """Check that `given` is a mapping with known keys only."""
        known = list(known)
        if not isinstance(given, dict):
            self.fail(where, f"must be keys and values, it is {_kind(given)}")
        for key in given:
            if key not in known:
                self.fail(where, f"{owner or 'it'} takes no '{key}'{near(key, known) or _choices(known)}")

    def type_of(self, where: str, given: Any) -> str:
        if not isinstance(given, dict):
            self.fail(where, f"must be a component with a 'type', it is {_kind(given)}")
        if "type" not in given:
            misspelt = difflib.get_close_matches("type", [str(key).lower() for key in given], n=1)
            self.fail(where, f"has no 'type'{f' (did you mean it by {misspelt[0]!r}?)' if misspelt else ''}")
        return given["type"]

    def component(self, where: str, given: Any, expected: manager.ComponentManager) -> None:
        """Check a component of PaddleSeg's registries and all that is nested in it."""
        name = self.type_of(where, given)
        # A name of another registry is found too: this is the order in which PaddleSeg looks for it.
        registry = next((each for each in _REGISTRIES if name in each.components_dict), None)
        if registry is None:
            self.fail(where, f"there is no component '{name}'{near(name, expected.components_dict)}")
        self.arguments(where, name, registry[name], {key: value for key, value in given.items() if key != "type"})
        for key, value in given.items():
            self.nested(f"{where}.{key}", key, value)

    def nested(self, where: str, key: str, value: Any) -> None:
        expected = {"backbone": manager.BACKBONES, "transforms": manager.TRANSFORMS, "losses": manager.LOSSES}
        registry = expected.get(key, manager.MODELS)
        if isinstance(value, list):
            for position, item in enumerate(value):
                if isinstance(item, dict) and ("type" in item or key in expected):
                    self.component(f"{where}[{position}]", item, registry)
        elif isinstance(value, dict) and ("type" in value or difflib.get_close_matches("type", value, n=1)):
            self.component(where, value, registry)

    def arguments(self, where: str, name: str, function: Callable, given: Mapping[str, Any]) -> None:
        """Check that `function` takes the arguments, and that none is missing."""
        known, required, takes_any = _parameters(function)
        self.numbers(where, given)
        if takes_any:
            return
        self.keys(where, given, known, owner=name)
        missing = [each for each in required if each not in given and each not in _FILLED_IN]
        if missing:
            self.fail(where, f"{name} needs {' and '.join(repr(each) for each in missing)}")

    def numbers(self, where: str, given: Mapping[str, Any]) -> None:
        for key, value in given.items():
            if isinstance(value, str) and _TEXT_NUMBER.fullmatch(value):
                mended = re.sub("[eE]", ".0e", value)
                self.fail(f"{where}.{key}", f"YAML reads {value} as text, not as a number; write {mended}")

    def losses(self, where: str, given: Any) -> None:
        self.keys(where, given, ("types", "coef"))
        for key in ("types", "coef"):
            if not isinstance(given.get(key), list):
                self.fail(f"{where}.{key}", f"must be a list, it is {_kind(given.get(key))}")
        for position, item in enumerate(given["types"]):
            self.component(f"{where}.types[{position}]", item, manager.LOSSES)

    def optimizer(self, where: str, given: Any) -> None:
        name = self.type_of(where, given)
        given = {**given, "type": _OLD_OPTIMIZERS.get(name, name)}
        if given["type"] == "SGD" and "momentum" in given:
            given["type"] = "Momentum"
        self.component(where, given, manager.OPTIMIZERS)
        groups = given.get("custom_cfg") or []
        if not isinstance(groups, list):
            self.fail(f"{where}.custom_cfg", f"must be a list of parameter groups, it is {_kind(groups)}")
        for position, group in enumerate(groups):
            self.keys(f"{where}.custom_cfg[{position}]", group, _GROUP_KEYS, owner="a parameter group")
            if "name" not in group:
                self.fail(f"{where}.custom_cfg[{position}]", "has no 'name', the text that its parameters' names hold")
        clip = given.get("grad_clip_cfg")
        if isinstance(clip, dict) and hasattr(paddle.nn, str(clip.get("name"))):
            arguments = {key: value for key, value in clip.items() if key != "name"}
            self.arguments(f"{where}.grad_clip_cfg", clip["name"], getattr(paddle.nn, clip["name"]), arguments)

    def lr_scheduler(self, where: str, given: Any) -> None:
        name = self.type_of(where, given)
        schedulers = {key: value for key, value in vars(paddle.optimizer.lr).items() if inspect.isclass(value)}
        if name not in schedulers:
            self.fail(where, f"there is no learning rate scheduler '{name}'{near(name, schedulers)}")
        known, _, takes_any = _parameters(schedulers[name])
        self.numbers(where, given)
        if not takes_any:
            self.keys(where, given, [*known, "type", "warmup_iters", "warmup_start_lr"], owner=name)
        if "warmup_iters" in given and "warmup_start_lr" not in given:
            self.fail(where, "warmup_iters needs warmup_start_lr")


def _parameters(function: Callable) -> Tuple[List[str], List[str], bool]:
    """The names that a component takes, those it cannot do without, and whether it takes any other."""
    signature = inspect.signature(function).parameters.values()
    named = [each for each in signature if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    required = [each.name for each in named if each.default is each.empty]
    return [each.name for each in named], required, any(each.kind == each.VAR_KEYWORD for each in signature)


def _choices(known: Iterable[str]) -> str:
    return f"; it takes {', '.join(known)}"

"""Holding a merged config against the components that it names, before anything is built."""

import difflib
import inspect
import re
from typing import Any, Callable, Iterable, List, Mapping, Optional, Tuple

import paddle
from paddleseg.core import evaluate, predict
from paddleseg.cvlibs import manager

from ..errors import InputError, near, shown
from . import values

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
    "classes",
)
"""The top-level keys that PaddleSeg reads, and `classes`, which it passes over."""

REQUIRED = ("batch_size", "iters", "train_dataset", "optimizer", "lr_scheduler", "loss", "model")

REGISTRIES = (
    manager.MODELS,
    manager.BACKBONES,
    manager.DATASETS,
    manager.TRANSFORMS,
    manager.LOSSES,
    manager.OPTIMIZERS,
)
"""Where PaddleSeg looks for a component, in its order."""

_FILLED_IN = ("num_classes", "in_channels", "ignore_index")
"""Arguments that PaddleSeg passes on from one section to another."""

_TOP_VALUES = {"batch_size": values.ITERATIONS, "iters": values.ITERATIONS}

_OLD_OPTIMIZERS = {"adam": "Adam", "sgd": "SGD"}

_GROUP_KEYS = ("name", "lr_mult", "weight_decay_mult")

_RULES = {
    manager.MODELS: values.OF_MODELS,
    manager.BACKBONES: values.OF_MODELS,
    manager.DATASETS: values.OF_DATASETS,
    manager.TRANSFORMS: values.OF_TRANSFORMS,
    manager.LOSSES: {},
    manager.OPTIMIZERS: values.OF_OPTIMIZERS,
}

# YAML 1.1 wants a point in the mantissa; without it the value is text.
_TEXT_NUMBER = re.compile(r"[+-]?\d+[eE][+-]?\d+")


def kind_of(value: Any) -> str:
    """What a value is, for a message: "nothing", "a list", "an int"."""
    name = type(value).__name__
    return "nothing" if value is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def check_sections(content: Mapping[str, Any], path: str, needs: Iterable[str] = ()) -> None:
    """Check a merged config: sections, types and arguments.

    Raises:
        InputError: see `load_config`.
    """
    for section in REQUIRED + tuple(needs):
        if section not in content:
            raise InputError(f"{path}: there is no section '{section}:'; PaddleSeg needs it")
    check = _ComponentCheck(path)
    check.values("", {key: content[key] for key in ("batch_size", "iters")}, _TOP_VALUES)
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
        check.values("test_config", content["test_config"], values.OF_TESTS, evaluate)


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
        raise InputError(f"{self.path}: {shown(where, 200)}: {problem}")

    def values(
        self, where: str, given: Mapping[str, Any], rules: Mapping[str, Any], function: Optional[Callable] = None
    ) -> None:
        """Check the values that have a rule; `where` is empty at the top of the config."""
        found = values.first_fault(given, rules, function)
        if found:
            self.fail(f"{where}.{found[0]}".lstrip("."), found[1])

    def keys(self, where: str, given: Any, known: Iterable[str], owner: str = "") -> None:
        """Check that `given` is a mapping with known keys only."""
        known = list(known)
        if not isinstance(given, dict):
            self.fail(where, f"must be keys and values, it is {kind_of(given)}")
        for key in given:
            if key not in known:
                self.fail(where, f"{owner or 'it'} takes no '{shown(key)}'{near(key, known) or _choices(known)}")

    def type_of(self, where: str, given: Any) -> str:
        if not isinstance(given, dict):
            self.fail(where, f"must be a component with a 'type', it is {kind_of(given)}")
        if "type" not in given:
            misspelt = difflib.get_close_matches("type", [str(key).lower() for key in given], n=1)
            self.fail(where, f"has no 'type'{f' (did you mean it by {misspelt[0]!r}?)' if misspelt else ''}")
        if not isinstance(given["type"], str):
            self.fail(f"{where}.type", f"must be the name of a component, it is {kind_of(given['type'])}")
        return given["type"]

    def component(self, where: str, given: Any, expected: manager.ComponentManager) -> None:
        """Check a component of PaddleSeg's registries and all that is nested in it."""
        name = self.type_of(where, given)
        # A name of another registry is found too: this is the order in which PaddleSeg looks for it.
        registry = next((each for each in REGISTRIES if name in each.components_dict), None)
        if registry is None:
            self.fail(where, f"there is no component '{shown(name)}'{near(name, expected.components_dict)}")
        arguments = {key: value for key, value in given.items() if key != "type"}
        self.arguments(where, name, registry[name], arguments, _RULES[registry])
        for key, value in given.items():
            self.nested(f"{where}.{key}", str(key), value)

    def nested(self, where: str, key: str, value: Any) -> None:
        expected = {"backbone": manager.BACKBONES, "transforms": manager.TRANSFORMS, "losses": manager.LOSSES}
        registry = expected.get(key, manager.MODELS)
        if isinstance(value, list):
            for position, item in enumerate(value):
                if key in expected or isinstance(item, dict) and "type" in item:
                    self.component(f"{where}[{position}]", item, registry)
        elif key == "backbone" and value is not None:
            self.component(where, value, registry)
        elif isinstance(value, dict) and ("type" in value or difflib.get_close_matches("type", map(str, value), n=1)):
            self.component(where, value, registry)

    def arguments(
        self, where: str, name: str, function: Callable, given: Mapping[str, Any], rules: Mapping[str, Any]
    ) -> None:
        """Check that `function` takes the arguments, that none is missing, and the values that have a rule."""
        known, required, takes_any = _parameters(function)
        self.numbers(where, given)
        if not takes_any:
            self.keys(where, given, known, owner=name)
        self.values(where, given, rules, function)
        if takes_any:
            return
        missing = [each for each in required if each not in given and each not in _FILLED_IN]
        if missing:
            self.fail(where, f"{name} needs {' and '.join(repr(each) for each in missing)}")

    def numbers(self, where: str, given: Mapping[str, Any]) -> None:
        for key, value in given.items():
            if isinstance(value, str) and _TEXT_NUMBER.fullmatch(value):
                number = re.sub("[eE]", ".0e", value)
                problem = f"YAML reads {shown(value)} as text, not as a number; write {shown(number)}"
                self.fail(f"{where}.{key}", problem)

    def losses(self, where: str, given: Any) -> None:
        self.keys(where, given, ("types", "coef"))
        for key in ("types", "coef"):
            if not isinstance(given.get(key), list):
                self.fail(f"{where}.{key}", f"must be a list, it is {kind_of(given.get(key))}")
        for position, item in enumerate(given["types"]):
            self.component(f"{where}.types[{position}]", item, manager.LOSSES)
        self.values(where, {"coef": given["coef"]}, {"coef": values.COEFFICIENTS})

    def optimizer(self, where: str, given: Any) -> None:
        name = self.type_of(where, given)
        given = {**given, "type": _OLD_OPTIMIZERS.get(name, name)}
        if given["type"] == "SGD" and "momentum" in given:
            given["type"] = "Momentum"
        self.component(where, given, manager.OPTIMIZERS)
        groups = given.get("custom_cfg") or []
        if not isinstance(groups, list):
            self.fail(f"{where}.custom_cfg", f"must be a list of parameter groups, it is {kind_of(groups)}")
        for position, group in enumerate(groups):
            self.keys(f"{where}.custom_cfg[{position}]", group, _GROUP_KEYS, owner="a parameter group")
            if "name" not in group:
                self.fail(f"{where}.custom_cfg[{position}]", "has no 'name', the text that its parameters' names hold")
            self.values(f"{where}.custom_cfg[{position}]", group, values.OF_OPTIMIZERS)
        clip = given.get("grad_clip_cfg")
        if isinstance(clip, dict) and hasattr(paddle.nn, str(clip.get("name"))):
            arguments = {key: value for key, value in clip.items() if key != "name"}
            function = getattr(paddle.nn, clip["name"])
            self.arguments(f"{where}.grad_clip_cfg", clip["name"], function, arguments, values.OF_OPTIMIZERS)

    def lr_scheduler(self, where: str, given: Any) -> None:
        name = self.type_of(where, given)
        schedulers = {key: value for key, value in vars(paddle.optimizer.lr).items() if inspect.isclass(value)}
        if name not in schedulers:
            self.fail(where, f"there is no learning rate scheduler '{shown(name)}'{near(name, schedulers)}")
        known, _, takes_any = _parameters(schedulers[name])
        self.numbers(where, given)
        if not takes_any:
            self.keys(where, given, [*known, "type", "warmup_iters", "warmup_start_lr"], owner=name)
        self.values(where, given, values.OF_OPTIMIZERS, schedulers[name])
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

"""YAML that may be anybody's: read within bounds of size, depth and number, and never silently otherwise than written.

PyYAML's own readers follow aliases without bound (nine lines name a billion nodes), end deep nesting with a
RecursionError, wait for ever at a FIFO, and take the last of two equal keys.
"""

from pathlib import Path
from typing import Any, Dict, List, Optional, Union

import yaml

from .errors import InputError, shown
from .files import read_regular

MAX_BYTES = 1 << 18
"""Largest file. PaddleSeg's largest config has 2 KB."""
MAX_DEPTH = 50
"""Deepest nesting. PaddleSeg's configs go six levels deep."""
MAX_NODES = 50_000
"""Most values, each counted as often as aliases name it."""
MAX_DIGITS = 60
"""Longest text of a number."""

_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class _Loader(yaml.SafeLoader):
    """SafeLoader that also takes the tuples which `yaml.dump` writes, and refuses a key that is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Dict[Any, Any]:
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else None
            if name in seen and name != ("tag:yaml.org,2002:merge", "<<"):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{shown(key.value)}' is there twice", key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


# SafeLoader builds an object from a node of known kind only, so a node of another tag is an error of YAML.
_Loader.add_constructor(
    "tag:yaml.org,2002:python/tuple", lambda loader, node: tuple(loader.construct_sequence(node, deep=True))
)


def load_yaml(path: Union[str, Path]) -> Any:
    """What a YAML file holds: mappings, lists, tuples, texts, numbers, truth values, dates and None.

    Raises:
        InputError: it is missing, no regular file, no text in UTF-8, no YAML, or beyond the bounds.
    """
    data = read_regular(path, MAX_BYTES)
    try:
        return parse_yaml(data.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text in UTF-8") from error


def parse_yaml(text: str, where: str) -> Any:
    """As `load_yaml`, of a text; `where` is what to call it in a message.

    Raises:
        InputError: it is no YAML, or beyond the bounds.
    """
    if len(text) > MAX_BYTES:
        raise InputError(f"{where} has {len(text)} characters, more than {MAX_BYTES}; is it YAML written by hand?")
    loader = None
    try:
        _check_depth(text, where)
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check_nodes(node, where)
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise _not_yaml(where, error) from error
    except (ValueError, TypeError, OverflowError) as error:
        # What a date of month 13 or a key that is a mapping makes PyYAML's constructors raise.
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where}: not YAML: {shown(' '.join(str(error).split()), 200)}") from error
    finally:
        if loader is not None:
            loader.dispose()


def _not_yaml(where: str, error: yaml.YAMLError) -> InputError:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or error
    place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return InputError(f"{where}{place}: not YAML: {shown(' '.join(str(problem).split()), 200)}")


def _check_depth(text: str, where: str) -> None:
    """Refuse deep nesting before anything that recurses sees it; PyYAML's parser of events does not."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > MAX_DEPTH:
                raise InputError(
                    f"{where}, line {event.start_mark.line + 1}: nested deeper than {MAX_DEPTH} levels; flatten it"
                )
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1


def _check_nodes(root: yaml.Node, where: str) -> None:
    """Count the values with aliases followed, without following any twice, and look at each number's length."""
    sizes: Dict[int, Optional[int]] = {}

    def size_of(node: yaml.Node) -> int:
        known = sizes.get(id(node), 0)
        if known is None:
            raise InputError(f"{where}, line {node.start_mark.line + 1}: an alias stands inside of what it names")
        if known:
            return known
        sizes[id(node)] = None
        if isinstance(node, yaml.ScalarNode):
            if node.tag in _NUMBERS and len(node.value) > MAX_DIGITS:
                raise InputError(
                    f"{where}, line {node.start_mark.line + 1}: a number of {len(node.value)} characters; "
                    f"{MAX_DIGITS} are the most"
                )
            total = 1
        else:
            total = 1 + sum(size_of(child) for child in _children(node))
        if total > MAX_NODES:
            raise InputError(f"{where}: its aliases name more than {MAX_NODES} values; write out what is needed")
        sizes[id(node)] = total
        return total

    size_of(root)


def _children(node: yaml.Node) -> List[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value

"""Dataclasses as JSON objects read back strictly: what is missing, unknown or of another type is an error."""

from dataclasses import fields, is_dataclass
from typing import Any, Type, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import InputError, near, shown

T = TypeVar("T")


def from_dict(kind: Type[T], content: Any, where: str = "") -> T:
    """The dataclass of which `dataclasses.asdict` gave `content`, after a way through JSON.

    Fields may be dataclasses, lists, tuples of one type, dictionaries with text as keys, and optional; an integer is a
    float too. What a `schema` number says of the content must be checked before, by `check_schema`.

    Args:
        kind: the dataclass.
        content: what was read.
        where: the key that it stands under, for messages.

    Raises:
        InputError: a key is missing or unknown, or a value is of another type.
    """
    if not isinstance(content, dict):
        raise InputError(f"{where or 'it'} is {_shown(content)} and not an object")
    types = get_type_hints(kind)
    names = [entry.name for entry in fields(kind)]
    prefix = f"{where}." if where else ""
    missing = [name for name in names if name not in content]
    if missing:
        raise InputError(f"{prefix}{missing[0]} is missing")
    unknown = [key for key in content if key not in names]
    if unknown:
        raise InputError(f"{prefix}{shown(unknown[0])} is unknown{near(unknown[0], names)}")
    return kind(**{name: _value(types[name], content[name], f"{prefix}{name}") for name in names})


def check_schema(content: Any, schema: int, what: str, again: str) -> None:
    """Refuse a JSON object that was written under other rules.

    Args:
        content: what was read.
        schema: the number that its key "schema" must have.
        what: it is, such as its path, for the message.
        again: what to do about it, for the message.

    Raises:
        InputError: it has another, or none, or is no object at all.
    """
    if not isinstance(content, dict):
        raise InputError(f"{what} is damaged: it holds {_shown(content)} and not an object; {again}")
    if "schema" not in content:
        raise InputError(f"{what} has no schema number, and this version reads schema {schema}; {again}")
    if content["schema"] != schema:
        raise InputError(f"{what} is of schema {_shown(content['schema'])}, and this version reads {schema}; {again}")


def _value(kind: Any, value: Any, where: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin is Union:
        if value is None and type(None) in inner:
            return None
        return _value(next(each for each in inner if each is not type(None)), value, where)
    if is_dataclass(kind):
        return from_dict(kind, value, where)
    wanted = origin or kind
    if wanted is float and type(value) is int:
        return float(value)
    if wanted is tuple and isinstance(value, list):
        # JSON has no tuples.
        return tuple(_value(inner[0], each, f"{where}[{index}]") for index, each in enumerate(value))
    # True is an integer for isinstance, and no number of a record.
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise InputError(f"{where} is {_shown(value)} and not of type {getattr(wanted, '__name__', wanted)}")
    if origin is list and inner:
        return [_value(inner[0], each, f"{where}[{index}]") for index, each in enumerate(value)]
    if origin is dict and inner:
        return {key: _value(inner[1], each, f"{where}.{key}") for key, each in value.items()}
    return value


def _shown(value: Any) -> str:
    return shown(repr(value), 40)

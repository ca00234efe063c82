"""TOML input: read from a file, a text or a mapping within bounds, and checked; each error is one sentence."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from neuristor.folder import one_line
from neuristor.golden_model.files import content as read_content
from neuristor.golden_model.files import tables

__all__ = ["DesignError", "Section", "Source", "opened", "parsed", "section_type", "toml", "unknown_key", "where"]

MOST_TEXT = 1024 * 1024
"""Largest TOML file, in bytes."""
Source = Path | str | Mapping[str, Any]
"""A TOML file by its path, TOML text (with a line break), or sections as a mapping."""


class DesignError(ValueError):
    """Wrong input: one sentence that names the file, the key and the allowed range.

    Parameters
    ----------
    message : str
        The sentence; line breaks and control characters are replaced, and a long message is shortened.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class Section(BaseModel):
    """A section of a file: unknown keys are refused, types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


@contextmanager
def where(path: Path, section: str) -> Iterator[None]:
    """Name file and section in the errors of a block.

    Parameters
    ----------
    path : Path
        The file.
    section : str
        Its section.

    Yields
    ------
    None

    Raises
    ------
    DesignError
        In place of an OSError, ValueError, TypeError, OverflowError or ZeroDivisionError of the block.
    """
    try:
        yield
    except OSError as error:
        raise DesignError(f"{path}: [{section}] {error.filename} cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise DesignError(f"{path}: [{section}] {error}") from None
    except ZeroDivisionError:
        raise DesignError(f"{path}: [{section}] a number is too near to zero to compute with") from None


def toml(path: Path) -> tuple[dict[str, Any], bytes]:
    """Read a TOML file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    table : dict
        Its content.
    content : bytes
        Its bytes.

    Raises
    ------
    DesignError
        If it cannot be read, is larger than 1 MiB, or is not TOML.
    """
    try:
        content = read_content(path, MOST_TEXT)
    except OSError as error:
        raise DesignError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        text = str(error)
        raise DesignError(text if text.startswith(str(path)) else f"{path}: cannot be read ({text})") from None
    return _tables(path, content), content


def _tables(path: Path, content: bytes) -> dict[str, Any]:
    """Parse TOML text within bounds.

    Raises
    ------
    DesignError
        If it is not TOML, or exceeds a bound.
    """
    try:
        return tables(path, content)
    except ValueError as error:
        raise DesignError(str(error)) from None


def opened(source: Source, name: str = "design") -> tuple[Path, dict[str, Any], bytes]:
    """Read sections from a file, a text or a mapping.

    A file is read as by `toml`, which raises `DesignError`.

    Parameters
    ----------
    source : Path, str or mapping
        A TOML file by its path, TOML text (with a line break), or sections as a mapping.
    name : str
        Name of a text or a mapping, for messages.

    Returns
    -------
    path : Path
        Of the file; `name` in the current folder for a text or a mapping.
    table : dict
        The sections.
    content : bytes
        The bytes that the hash of the design is computed from.

    Raises
    ------
    DesignError
        If a mapping holds values that TOML cannot hold.
    """
    if isinstance(source, Mapping):
        try:
            written = json.dumps(source, sort_keys=True, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise DesignError(f"{name}: must hold sections of numbers, texts and lists ({error})") from None
        table: dict[str, Any] = json.loads(written)  # a copy, without types that TOML lacks
        return Path(name), table, written
    if isinstance(source, str) and "\n" in source:
        return Path(name), _tables(Path(name), source.encode()), source.encode()
    path = Path(source)
    table, content = toml(path)
    return path, table, content


def parsed(
    source: Source, kind: type[Any], changes: Mapping[str, Any] | None = None, name: str = "design"
) -> tuple[Path, Any, bytes]:
    """Read sections from a file, a text or a mapping, and check them.

    Parameters
    ----------
    source : Path, str or mapping
        As in `opened`.
    kind : type
        The sections that the file has: a `Section` whose fields are sections.
    changes : mapping of str to value, optional
        Values that replace those of the file, by ``section.key``.
    name : str
        Name of a text or a mapping, for messages.

    Returns
    -------
    path : Path
        As in `opened`.
    sections : kind
        The sections.
    content : bytes
        The bytes that the hash of the design is computed from; they include the changes.

    Raises
    ------
    DesignError
        If anything in it is wrong.
    """
    path, table, content = opened(source, name)
    if changes:
        for key, value in changes.items():
            _put(path, table, key, value)
        content += json.dumps(dict(changes), sort_keys=True).encode()
    try:
        return path, kind.model_validate(table), content
    except ValidationError as error:
        raise DesignError(f"{path}: {_sentence(error, table, kind)}") from None


def _put(path: Path, table: dict[str, Any], key: str, value: Any) -> None:
    """Set a value of a table of tables.

    Raises
    ------
    DesignError
        If the key is not ``section.key``, or names something that is not a section.
    """
    *places, last = key.split(".")
    if not places or not all(places) or not last:
        raise DesignError(f"{path}: a key to change must be section.key, such as circuit.supply, not {key!r}")
    for place in places:
        table = table.setdefault(place, {})
        if not isinstance(table, dict):
            raise DesignError(f"{path}: {key!r} cannot be changed: {place} is no section")
    table[last] = value


def unknown_key(key: str, known: Iterable[str], noun: str = "key") -> str:
    """Build the message for an unknown key: the most similar known key, or all of them.

    Parameters
    ----------
    key : str
        As written in the file.
    known : iterable of str
        The keys that exist.
    noun : str
        What it is: a key or a section.

    Returns
    -------
    str
        A sentence without file and section.
    """
    all_known = list(known)
    near = difflib.get_close_matches(key, all_known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known {noun}s are {', '.join(all_known)}"
    return f"unknown {noun} {key!r}; {hint}"


def section_type(field: Any) -> Any:
    """Find the class of a section, which may be optional.

    Parameters
    ----------
    field : pydantic.fields.FieldInfo
        A field of the class of a file.

    Returns
    -------
    type
        A `Section`.
    """
    return next((each for each in get_args(field.annotation) if each is not type(None)), field.annotation)


def _sentence(error: ValidationError, table: dict[str, Any], file: type[BaseModel]) -> str:
    """Describe the first error in one sentence."""
    # A misspelt key makes another one missing: name the misspelt one.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    place = [str(part) for part in first["loc"]]
    sections = file.model_fields
    section = sections.get(place[0])
    if {"network", "neuron"} & set(table) - set(sections):
        return (
            "this is a spiking network; its commands are those of neuristor snn"
            if "network" in table
            else "this is an array of neurons; a spiking network has a section [network]"
        )
    if section is None or (len(place) == 1 and first["type"] == "extra_forbidden"):
        return unknown_key(place[0], sections, "section")
    kind = section_type(section)
    if len(place) == 1:
        wanted = ", ".join(name for name, field in kind.model_fields.items() if field.is_required())
        if first["type"] == "missing":
            return f"section [{place[0]}] is missing" + (f"; it needs {wanted}" if wanted else "")
        return f"[{place[0]}] must be a section, not {table[place[0]]!r}"
    if first["type"] == "extra_forbidden":
        return f"[{place[0]}] {unknown_key(place[1], kind.model_fields)}"
    wanted = kind.model_fields[place[1]].description
    if first["type"] == "missing":
        # Some sections accept keys of the neuron model, which are checked later.
        others = [key for key in table[place[0]] if key not in kind.model_fields]
        near = difflib.get_close_matches(place[1], others, n=1)
        if near:
            return f"[{place[0]}] {unknown_key(near[0], [place[1]])}"
        return f"[{place[0]}] {place[1]} is missing: {wanted}"
    hint = "; numbers have no quotes and no unit, such as 20e3" if first["type"].startswith("float") else ""
    hint = hint if isinstance(first["input"], str) else ""
    return f"[{place[0]}] {_key(first['loc'][1:], table[place[0]])} must be {wanted}, not {first['input']!r}{hint}"


def _key(place: Sequence[int | str], value: Any) -> str:
    """The key of a wrong value, without the names that pydantic adds for the kinds that it tried."""
    made = []
    for part in place:
        if (part in value) if isinstance(value, dict) else (isinstance(value, list) and isinstance(part, int)):
            value = value[part]
            made.append(str(part))
    return ".".join(made)

"""Model files: the text of a model in TOML, and the models that come with Neuristor."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from neuristor.golden_model.equations.expressions import EquationError
from neuristor.golden_model.equations.text import Model
from neuristor.golden_model.equations.verilog_a import verilog_a
from neuristor.golden_model.files import content, tables

__all__ = ["MOST_TEXT", "model_file", "shipped", "shipped_model"]

MOST_TEXT = 256 * 1024
"""Largest model file, in bytes."""
_FOLDER = Path(__file__).parent / "models"


def model_file(path: Path) -> Model:
    """Read a model file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Model
        Its text, checked key by key; `neuristor.golden_model.equations.system.read` reads the formulas.

    Raises
    ------
    EquationError
        If it cannot be read, is too large, is no TOML, or a key is unknown, missing or of the wrong type.
    """
    try:
        table: dict[str, Any] = tables(path, content(path, MOST_TEXT))
    except OSError as error:
        raise EquationError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        text = str(error)
        raise EquationError(text if text.startswith(str(path)) else f"{path}: {text}") from None
    if "verilog_a" in table:
        table = _with_verilog_a(table, path)
    made: Model = _validated(table, str(path))
    return made


class _VerilogA(BaseModel):
    """The section ``[verilog_a]`` of a model file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    file: str = Field(description="path of the file, from the model file")
    module: str = Field("", description="name of the module; the first one by default")
    voltage: str = Field("v", description="the state that is the voltage between its terminals, in volt")


def _with_verilog_a(table: dict[str, Any], path: Path) -> dict[str, Any]:
    """A model with the equations of its Verilog-A module before its own; its parameters replace those of the module."""
    section = _validated(table["verilog_a"], f"{path}: [verilog_a]", _VerilogA)
    found = verilog_a(path.parent / section.file, section.module, section.voltage)
    parameters = {name: {"value": value, "source": f"{section.file}"} for name, value in found.parameters.items()}
    merged = {key: value for key, value in table.items() if key != "verilog_a"}
    own = merged.get("parameters", {})
    merged["parameters"] = {**parameters, **(own if isinstance(own, dict) else {})}
    merged["equations"] = "\n".join([*found.lines, str(merged.get("equations", ""))])
    return merged


def _validated(table: Any, where: str, kind: type[Any] = Model) -> Any:
    """A model, or a section of its file, from its table.

    Raises
    ------
    EquationError
        If a key is unknown, missing or of the wrong type.
    """
    try:
        return kind.model_validate(_tuples(table))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(each) for each in first["loc"])
        if first["type"] == "extra_forbidden":
            raise EquationError(f"{where}: unknown key {place}") from None
        if first["type"] == "missing":
            raise EquationError(f"{where}: {place} is missing") from None
        message, given = first["msg"], str(first["input"])[:40]
        raise EquationError(f"{where}: {place}: {message[:1].lower()}{message[1:]}, not {given!r}") from None


def _tuples(value: Any) -> Any:
    """TOML's lists as tuples, which a model has."""
    if isinstance(value, dict):
        return {key: _tuples(each) for key, each in value.items()}
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value


@cache
def shipped() -> tuple[str, ...]:
    """The names of the models that come with Neuristor."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@cache
def shipped_model(name: str) -> Model:
    """A model that comes with Neuristor.

    Parameters
    ----------
    name : str
        Its name.

    Raises
    ------
    EquationError
        If there is none of this name.
    """
    if name not in shipped():
        raise EquationError(f"there is no model {name!r}; there are {', '.join(shipped())}")
    return model_file(_FOLDER / f"{name}.toml")

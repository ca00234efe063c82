"""Every public name has a docstring that names each of its arguments: checked by numpydoc's validation."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
import warnings
from collections.abc import Iterator
from enum import Enum
from functools import cached_property
from itertools import pairwise
from types import FunctionType
from typing import Any

import pytest
import typer
from numpydoc.validate import Validator, get_doc_object, validate
from pydantic import BaseModel

import benchmarks
import neuristor

CHECKS = {"GL08", "PR01", "PR02", "PR03"}
"""No docstring; an argument that it lacks; one that does not exist; a wrong order."""
PROTOCOL = {"elaborate"}
"""Methods that Amaranth calls, and no user."""


def modules() -> Iterator[str]:
    for package in (neuristor, benchmarks):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield found.name


def public(module: str) -> Iterator[tuple[str, Any]]:
    """Functions and classes that a module defines, and what the classes define."""
    home = importlib.import_module(module)
    for name, each in vars(home).items():
        if name.startswith("_") or getattr(each, "__module__", None) != module:
            continue
        if isinstance(each, FunctionType):
            yield f"{module}.{name}", each
        elif inspect.isclass(each):
            yield f"{module}.{name}", each
            for member, value in vars(each).items():
                inner = getattr(value, "__func__", value)
                if member.startswith("_") or member in PROTOCOL:
                    continue
                if isinstance(inner, FunctionType | property | cached_property):
                    yield f"{module}.{name}.{member}", value


def described_fields(kind: type) -> set[str]:
    """Fields that have a docstring of their own, below them."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = tree.body[0].body  # type: ignore[attr-defined]
    return {
        field.target.id
        for field, after in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str)
    }


def commands(module: str) -> list[Any]:
    """Functions that are commands of the command line: typer prints their parameters, each with its help text."""
    app = getattr(importlib.import_module(module), "app", None)
    return [inspect.unwrap(each.callback) for each in app.registered_commands] if isinstance(app, typer.Typer) else []


def problems(name: str, each: Any) -> list[str]:
    """What numpydoc says of a name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sections such as Members are ours
        found = {code: text for code, text in validate(name)["errors"] if code in CHECKS}
        if inspect.isclass(each) and {"PR01", "PR02"} & set(found):
            checked = Validator(get_doc_object(each))
            plain = issubclass(each, BaseModel | Enum) or getattr(each, "_is_protocol", False)
            if plain or set(checked.signature_parameters) <= described_fields(each):
                found.pop("PR01", None)
    return [f"{name}: {code} {text}" for code, text in sorted(found.items())]


@pytest.mark.parametrize("module", sorted(modules()))
def test_public_names_are_documented(module: str) -> None:
    printed = commands(module)
    found = [
        problem
        for name, each in public(module)
        for problem in problems(name, each)
        if each not in printed or ": PR01 " not in problem
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "command", [each for module in sorted(modules()) for each in commands(module)], ids=lambda each: each.__qualname__
)
def test_commands_are_documented(command: Any) -> None:
    text = inspect.getdoc(command) or ""
    assert re.search(r"^Example: `neuristor .*`$", text, re.MULTILINE), "an example"
    assert "Parameters\n-" not in text, "typer would print it"
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        hints = [each for each in getattr(parameter.annotation, "__metadata__", ()) if hasattr(each, "help")]
        assert hints, f"{name} has no help text"
        assert all(each.help and each.help.endswith(".") for each in hints), f"{name}: a help text with a full stop"

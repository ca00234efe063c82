"""One package: what is imported is neuristor, once, and its parts only in one direction."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("golden_model", "hdl", "sim", "boards")
FILES = [
    path
    for folder in (*ROOMS, "neuristor", "benchmarks", "examples", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not any(part.is_symlink() for part in path.relative_to(ROOT).parents if part.name)
]
BELOW = {
    "golden_model": ("golden_model",),
    "hdl": ("golden_model", "hdl"),
    "sim": ("golden_model", "hdl", "sim"),
    "boards": ("golden_model", "hdl", "boards"),
}
"""What each part may import."""


def imported(path: Path) -> set[str]:
    """The modules that a file names in its imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def test_no_file_imports_a_part_by_its_bare_name() -> None:
    assert len(FILES) > 200
    bare = {
        f"{path.relative_to(ROOT)}: {name}" for path in FILES for name in imported(path) if name.split(".")[0] in ROOMS
    }
    assert not bare, "\n".join(sorted(bare))


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_one_way(room: str) -> None:
    allowed = tuple(f"neuristor.{each}" for each in BELOW[room])
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for name in imported(path)
        if name.split(".")[0] == "neuristor" and not f"{name}.".startswith(tuple(f"{each}." for each in allowed))
    }
    assert not wrong, "\n".join(sorted(wrong))


def loaded_after(code: str) -> set[str]:
    """The modules of ours that are loaded after some code, from the repository's root."""
    tops = (*ROOMS, "neuristor", "amaranth")
    code += f"\nimport sys; print(*(name for name in sys.modules if name.split('.')[0] in {tops}))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return set(done.stdout.split())


def test_nothing_is_loaded_twice() -> None:
    found = loaded_after("import neuristor.commands.cli, neuristor.sim.benches.neurons")
    assert len(found) > 100
    assert not {name for name in found if name.split(".")[0] in ROOMS}


def test_golden_models_load_no_hardware_tool() -> None:
    found = loaded_after(
        "import pkgutil, importlib, neuristor.golden_model as golden\n"
        "for module in pkgutil.walk_packages(golden.__path__, 'neuristor.golden_model.'):\n"
        "    importlib.import_module(module.name)"
    )
    assert len(found) > 40
    beyond = ("amaranth", "neuristor.hdl", "neuristor.sim", "neuristor.boards", "neuristor.api")
    assert not {name for name in found if name.startswith(beyond)}


def test_yosys_is_not_loaded_into_the_process() -> None:
    """After its library, matplotlib cannot be loaded: both use pybind11."""
    loads = {str(path.relative_to(ROOT)) for path in FILES for name in imported(path) if name.split(".")[0] == "pyosys"}
    assert not loads

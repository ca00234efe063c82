"""The contract of a neuron model: renaming any part of it fails the type checker."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.hdl.neurons import neurons
from neuristor.hdl.neurons.contract import Neuron

ROOT = Path(__file__).parents[1]
PARTS = ("golden_model", "hdl", "sim", "boards", "neuristor", "benchmarks")
NOT_ASKED = {"title", "params", "array"}
"""Parts that no other module asks for: what stands there for readers, and what `Neuron.build` calls."""


def copied(folder: Path) -> Path:
    """The packages in another folder."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.extended
@pytest.mark.parametrize(("kind", "folder"), [(NeuronModel, "golden_model"), (Neuron, "hdl")])
def test_renaming_any_part_of_the_contract_fails_the_type_checker(kind: type, folder: str, tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="the type checker comes with the extra dev")
    asked = sorted({each.name for each in fields(kind)} - NOT_ASKED)
    root = copied(tmp_path)
    definition = root / folder / "neurons" / "contract.py"
    text = definition.read_text("utf-8")
    for name in asked:  # the fields, and where their own class asks for them
        text = re.sub(rf"^    {name}: ", f"    {name}_renamed: ", text, flags=re.M)
        text = re.sub(rf"\bself\.{name}\b", f"self.{name}_renamed", text)
    definition.write_text(text, "utf-8")
    for each in neurons():
        path = root / folder / "neurons" / f"{each.name}.py"
        text = path.read_text("utf-8")
        begin = text.rindex(f" = {kind.__name__}(")
        call = text[begin:]
        for name in asked:
            call = re.sub(rf"\b{name}=", f"{name}_renamed=", call)
        path.write_text(text[:begin] + call, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "--no-error-summary"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    missed = set(re.findall(r'has no attribute "(\w+)"', done.stdout))
    assert missed >= set(asked), f"nothing fails for {', '.join(sorted(set(asked) - missed))}:\n{done.stdout[-3000:]}"

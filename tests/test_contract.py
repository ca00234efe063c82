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
ASKED = sorted({each.name for kind in (NeuronModel, Neuron) for each in fields(kind)} - {"title", "params"})
"""Parts that others ask for: all but a text, and a class that is there for readers."""


def copied(folder: Path) -> Path:
    """The packages in another folder."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.extended
def test_renaming_any_part_of_the_contract_fails_the_type_checker(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="the type checker comes with the extra dev")
    folder = copied(tmp_path)
    definitions = [folder / "golden_model/neurons/contract.py", folder / "hdl/neurons/contract.py"]
    makers = [folder / room / "neurons" / f"{each.name}.py" for each in neurons() for room in ("golden_model", "hdl")]
    for path in definitions:
        text = path.read_text("utf-8")
        for name in ASKED:  # the fields, and what their own class asks of them
            text = re.sub(rf"^    {name}: ", f"    {name}_renamed: ", text, flags=re.M)
            text = re.sub(rf"\b(self|self\.model)\.{name}\b", rf"\1.{name}_renamed", text)
        path.write_text(text, "utf-8")
    for path in makers:
        text = path.read_text("utf-8")
        begin = max(text.rfind(" = NeuronModel("), text.rfind(" = Neuron("))
        call = text[begin:]
        for name in ASKED:
            call = re.sub(rf"\b{name}=", f"{name}_renamed=", call)
        path.write_text(text[:begin] + call, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "--no-error-summary"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    missed = set(re.findall(r'has no attribute "(\w+)"', done.stdout))
    assert missed >= set(ASKED), f"nobody misses {', '.join(sorted(set(ASKED) - missed))}:\n{done.stdout[-3000:]}"

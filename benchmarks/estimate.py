"""Fit the estimates of resources and clock (``boards/estimate.py``) to routed self-tests of our neurons.

``python -m benchmarks.estimate`` routes each design on each board, takes half an hour on one core, and writes
``boards/estimate.json`` with the errors of leaving one design out. ``--keep FILE`` keeps what was routed, to continue.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from benchmarks.harness import Benchmark, Row, Run
from neuristor.boards.estimate import FEATURES, Measures, counted, measure
from neuristor.design_file import DesignError, load
from neuristor.steps import put_on_board

ROOT = Path(__file__).parents[1]
BOARDS = {"ulx3s-85f": "ecp5", "icebreaker": "ice40"}
BASE = {"variability.seed": 1, "fpga.boards": []}
VARIANTS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("vo2_lif_digits", {"fpga.lanes": 1}),
    ("vo2_lif_digits", {"fpga.lanes": 4}),
    ("vo2_lif_digits", {"fpga.lanes": 2, "variability.threshold_c2c": 0.0, "variability.threshold_d2d": 0.0}),
    ("vo2_lif_digits", {"fpga.lanes": 8, "number.membrane": [3, 9]}),
    ("ag_hfo2_lif", {"fpga.lanes": 1}),
    ("hzo_afefet_lif", {"fpga.lanes": 2}),
    ("vo2_oscillators", {"fpga.lanes": 1}),
    ("vo2_oscillators", {"fpga.lanes": 2, "variability.threshold_d2d": 0.0, "variability.hold_d2d": 0.0}),
    ("vo2_oscillators", {"fpga.lanes": 4, "number.membrane": [3, 10]}),
    ("vo2_coupled_oscillators", {"fpga.lanes": 1}),
    ("vo2_coupled_oscillators", {"fpga.lanes": 4}),
    ("nbo2_mott_oscillators", {"fpga.lanes": 1}),
    ("vo2_thermal_oscillators", {"fpga.lanes": 1}),
    ("vo2_thermal_oscillators", {"fpga.lanes": 2}),
    ("vo2_neuristor", {"fpga.lanes": 1}),
    ("vo2_neuristor", {"fpga.lanes": 1, "fpga.interval": 8}),
    ("hodgkin_huxley", {"fpga.lanes": 1}),
    ("izhikevich_patterns", {"fpga.lanes": 1}),
    ("own_device", {"fpga.lanes": 2}),
)


def routed(run: Run, kept: Path | None) -> Iterator[dict[str, Any]]:
    """Route every design on every board; what was routed before is taken from the file.

    Parameters
    ----------
    run : Run
        Receives the notes.
    kept : Path, optional
        JSON lines.

    Yields
    ------
    dict
        Name, family, measures and results.
    """
    before = {}
    if kept is not None and kept.exists():
        before = {(row["name"], row["family"]): row for row in map(json.loads, kept.read_text("utf-8").splitlines())}
    for example, changes in VARIANTS:
        name = f"{example} {json.dumps(changes, sort_keys=True)}"
        try:
            design = load(ROOT / "examples" / f"{example}.toml", {**BASE, **changes})
        except DesignError as error:
            run.note(f"{name}: {error}")
            continue
        measures = asdict(measure(design.case.array()))
        for board, family in BOARDS.items():
            row = before.get((name, family))
            if row is None:
                with tempfile.TemporaryDirectory() as work:
                    made = put_on_board(design, board, Path(work), Path(work))
                row = {"name": name, "family": family, "fmax_hz": made.fmax_hz, "problem": made.problem}
                row["resources"] = {key: used for key, (used, _) in made.resources.items()}
                if kept is not None:
                    with kept.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")
            run.note(f"{name} on {board}: {row['resources']}, {row['fmax_hz']}")
            yield {**row, "measures": measures}


def fit(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Fit one family.

    Parameters
    ----------
    rows : list of dict
        Of `routed`.

    Returns
    -------
    dict
        Coefficients, each not below 0, and errors.
    """
    made: dict[str, Any] = {}
    for resource in ("LUT", "FF"):
        x = np.array([[1.0, *(row["measures"]["features"][name] for name in FEATURES)] for row in rows])
        y = np.array([row["resources"][resource] for row in rows], dtype=np.float64)
        found = _relative(x, y)
        made[resource] = dict(zip(("offset", *FEATURES), found.tolist(), strict=True)) | {"error": _left_out(x, y)}
    for resource in ("DSP", "block RAM"):
        counts = [counted(_measures(row["measures"]), rows[0]["family"])[resource] for row in rows]
        x = np.array([[1.0, count] for count in counts])
        y = np.array([row["resources"].get(resource, 0) for row in rows], dtype=np.float64)
        (offset, scale), errors = nnls(x, y)[0], []
        for n in range(len(y)):
            others = np.arange(len(y)) != n
            errors.append(abs(float(x[n] @ nnls(x[others], y[others])[0]) - y[n]))
        made[resource] = {"offset": offset, "scale": scale, "error": float(np.quantile(errors, 0.9))}
    timed = [row for row in rows if row["fmax_hz"]]
    x = np.array([[1.0, row["measures"]["path_ns"]] for row in timed])
    y = np.array([1e9 / row["fmax_hz"] for row in timed])
    offset, path = _relative(x, y).tolist()
    made["Fmax"] = {"offset": offset, "path": path, "error": _left_out(x, y)}
    return made


def _measures(found: dict[str, Any]) -> Measures:
    return Measures(found["features"], tuple(found["products"]), tuple(found["memories"]), found["path_ns"])


def _relative(x: Any, y: Any) -> Any:
    """Least squares of the relative error, with coefficients that are not negative."""
    return nnls(x / y[:, None], np.ones(len(y)))[0]


def _left_out(x: Any, y: Any) -> float:
    """Relative error that nine of ten keep when they are left out of the fit."""
    errors = []
    for n in range(len(y)):
        others = np.arange(len(y)) != n
        errors.append(abs(float(x[n] @ _relative(x[others], y[others])) / y[n] - 1))
    return float(np.quantile(errors, 0.9))


def measured(run: Run) -> Iterator[Row]:
    """Route and fit.

    Parameters
    ----------
    run : Run
        Quick: the measures of the designs alone, nothing routed.

    Yields
    ------
    Row
        The errors of each family; of a quick run, the longest path of each design.
    """
    if run.quick:
        for example, changes in VARIANTS[:4]:
            with suppress(DesignError):
                design = load(ROOT / "examples" / f"{example}.toml", {**BASE, **changes})
                found = measure(design.case.array())
                yield Row(name=f"{example}, longest path", value=found.path_ns, unit="ns before the fit")
        return
    rows = list(routed(run, run.options.keep))
    result = {}
    for family in BOARDS.values():
        some = [row for row in rows if row["family"] == family and row["fmax_hz"]]
        some = [row for row in some if {"LUT", "FF"} <= set(row["resources"])]
        result[family] = fit(some)
        for name in ("LUT", "FF", "Fmax"):
            title = f"{family}, {len(some)} designs: error of {name} that nine of ten left out keep"
            yield Row(name=title, value=100 * result[family][name]["error"], unit="%", goal=40, less=True)
        for name in ("DSP", "block RAM"):
            title = f"{family}: error of {name} that nine of ten left out keep"
            yield Row(name=title, value=result[family][name]["error"], unit="of them")
    text = json.dumps(result, indent=1, sort_keys=True) + "\n"
    (ROOT / "boards" / "estimate.json").write_text(text, encoding="utf-8")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", type=Path, help="file (JSON lines) that keeps what was routed, to continue")


BENCHMARK = Benchmark(
    name="estimate",
    title="estimates of size and clock against routed self-tests",
    quick="the measures of four designs, nothing routed",
    measure=measured,
    arguments=_arguments,
)

if __name__ == "__main__":
    raise SystemExit(BENCHMARK.main())

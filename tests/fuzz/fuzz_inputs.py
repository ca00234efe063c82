"""Fuzzing guided by coverage: ``python -m tests.fuzz.fuzz_inputs [TARGET ...] --seconds 3600 --jobs 2``.

Each target of ``tests.fuzz.targets`` runs in a process of its own, for so many seconds. It begins with its valid
example and with the inputs that earlier runs found: those that reach other code are kept in the folder given by
``--keep``. So is the first input that breaks what must hold; then the exit status is 1. An input that takes 20 s or 3
GiB breaks it, too. Needs ``pip install -e '.[fuzz]'``.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

WATCHED = (
    "neuristor.array_files",
    "neuristor.commands",
    "neuristor.design_file",
    "neuristor.folder",
    "neuristor.network_file",
    "neuristor.sections",
    "neuristor.stimulus",
    "neuristor.sweep_file",
    "neuristor.sweeps",
    "neuristor.toml_file",
    "neuristor.weights_file",
    "neuristor.golden_model",
    "neuristor.boards.host",
    "neuristor.boards.link",
    "nir",
    "openpyxl",
    "tomllib",
)
"""Packages whose branches guide the fuzzer."""


def fuzz(name: str, seconds: int, keep: Path) -> None:
    """Fuzz one target in this process, which atheris ends."""
    import atheris

    with atheris.instrument_imports(include=list(WATCHED)):
        targets = importlib.import_module("tests.fuzz.targets")
    warnings.simplefilter("error")
    seeds = keep / f"seeds-{name}"
    seeds.mkdir(parents=True, exist_ok=True)
    (seeds / "valid").write_bytes(targets.example(name))
    folder = Path(tempfile.mkdtemp(prefix="neuristor-fuzz-"))
    limits = ["-timeout=20", "-rss_limit_mb=3072", "-malloc_limit_mb=3072", "-max_len=16384"]
    atheris.Setup(
        [
            "fuzz_inputs",
            f"-max_total_time={seconds}",
            *limits,
            "-print_final_stats=1",
            "-verbosity=0",
            f"-artifact_prefix={keep / name}-",
            str(seeds),
        ],
        lambda content: targets.hold(name, content, folder) and None,
    )
    atheris.Fuzz()


def main() -> int:
    """Fuzz the targets one after the other; 1 if any was broken."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("targets", nargs="*", help="all by default")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--keep", type=Path, default=Path("build") / "fuzz", help="folder of the inputs; build/fuzz")
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time")
    parser.add_argument("--here", action="store_true", help="in this process: one target")
    given = parser.parse_args()
    if given.here:
        fuzz(given.targets[0], given.seconds, given.keep)
        return 0
    names = given.targets or importlib.import_module("tests.fuzz.targets").TARGETS
    keep = given.keep.absolute()

    def whole(name: str) -> bool:
        again = [name, "--seconds", str(given.seconds), "--keep", str(keep), "--here"]
        keep.mkdir(parents=True, exist_ok=True)
        with (keep / f"{name}.log").open("wb") as log:
            done = subprocess.run(
                [sys.executable, "-m", "tests.fuzz.fuzz_inputs", *again], stdout=log, stderr=log, check=False
            )
        print(f"{name}: {'BROKEN: see ' + log.name if done.returncode else 'nothing found'}", flush=True)
        return not done.returncode

    with ThreadPoolExecutor(given.jobs) as pool:
        return 0 if all(list(pool.map(whole, names))) else 1


if __name__ == "__main__":
    sys.exit(main())

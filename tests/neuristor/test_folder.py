"""Nothing is lost: what an output may replace, what is left after an error, and who is told."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from neuristor.folder import (
    OutputError,
    check_folder,
    check_target,
    output_folder,
    write_file,
    write_files,
    write_manifest,
)
from neuristor.golden_model.files import content, one_run
from tests.fuzz.targets import LIF, command


def make(target: Path, text: str = "made", *, force: bool = False) -> None:
    with output_folder(target, force=force) as folder:
        (folder / "a.v").write_text(text)
        (folder / "deep").mkdir()
        (folder / "deep" / "b.log").write_text(text)
        write_manifest(folder, {"about": "a test"})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def seen(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_neuristor_made_is_replaced_with_force_only(tmp_path: Path) -> None:
    make(tmp_path / "out", "first")
    with pytest.raises(OutputError, match="exists: name another, or pass --force"):
        make(tmp_path / "out", "second")
    make(tmp_path / "out", "second", force=True)
    assert seen(tmp_path / "out")["deep/b.log"] == b"second"
    assert names(tmp_path) == ["out"]


FOREIGN: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file of mine": (lambda out: (out / "notes.txt").write_text("mine"), r"notes\.txt in it was not written"),
    "a changed file": (
        lambda out: (out / "a.v").write_text("mine"),
        r"a\.v in it was not written by Neuristor, or was",
    ),
    "a file in a folder": (lambda out: (out / "deep" / "x").write_text("mine"), "deep/x in it"),
    "a link": (lambda out: (out / "link").symlink_to("/etc"), "link in it"),
    "a file that became a link": (
        lambda out: ((out / "a.v").rename(out.parent / "a.v"), (out / "a.v").symlink_to(out.parent / "a.v")),
        r"a\.v in it",
    ),
    "no manifest": (lambda out: (out / "manifest.json").unlink(), r"it has no manifest\.json of Neuristor"),
    "a manifest of another program": (
        lambda out: (out / "manifest.json").write_text('{"files": {}}'),
        "has no manifest",
    ),
    "a manifest that is a list": (lambda out: (out / "manifest.json").write_text("[1, 2]"), "has no manifest"),
    "a manifest of brackets": (lambda out: (out / "manifest.json").write_text("[" * 100_000), "has no manifest"),
    "a pipe": (lambda out: os.mkfifo(out / "pipe"), "pipe in it"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_folder_with_anything_else_is_not_replaced(name: str, tmp_path: Path) -> None:
    change, message = FOREIGN[name]
    out = tmp_path / "out"
    make(out)
    change(out)
    before = names(out)
    for attempt in (lambda: check_folder(out, force=True), lambda: make(out, force=True)):
        with pytest.raises(OutputError, match=message):
            attempt()
    assert names(out) == before
    assert [each for each in names(tmp_path) if "neuristor" in each] == []


def test_folders_of_mine_files_and_links_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    (tmp_path / "file").write_text("mine")
    make(tmp_path / "made")
    (tmp_path / "link").symlink_to(tmp_path / "made")
    (tmp_path / "empty").mkdir()
    (tmp_path / "nowhere").symlink_to(tmp_path / "none")
    for name, message in (
        ("mine", "has no manifest"),
        ("file", "it is not a folder"),
        ("link", "it is a symbolic link"),
        ("empty", "has no manifest"),
        ("nowhere", "it is a symbolic link"),
        (".", "not a valid file name|has no manifest"),
    ):
        with pytest.raises(OutputError, match=message):
            make(tmp_path / name, force=True)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_that_appears_meanwhile_stays(force: bool, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def late() -> None:
        with output_folder(out, force=force) as folder:
            (folder / "a.v").write_text("new")
            out.mkdir()
            (out / "thesis.tex").write_text("mine")

    with pytest.raises(OutputError, match="has no manifest" if force else "in the meantime"):
        late()
    assert seen(tmp_path) == {"out/thesis.tex": b"mine"}


def test_a_file_added_meanwhile_to_a_folder_to_be_replaced_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, "old")

    def late() -> None:
        with output_folder(out, force=True) as folder:
            (folder / "a.v").write_text("new")
            (out / "notes").write_text("mine")

    with pytest.raises(OutputError, match="notes in it was not written"):
        late()
    assert seen(out)["notes"] == b"mine"
    assert seen(out)["a.v"] == b"old"
    assert names(tmp_path) == ["out"]


def test_of_two_runs_that_write_one_folder_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for force in (False, True):
        with output_folder(out, force=force) as folder:
            (folder / "a.v").write_text(f"first, {force}")
            write_manifest(folder, {})
            with pytest.raises(OutputError, match="is being written by another run"):
                make(out, "second", force=True) if force else make(out, "second")
        assert seen(out)["a.v"] == f"first, {force}".encode()
    assert names(tmp_path) == ["out"]


KILLED = """
import os, signal, sys
from pathlib import Path
from neuristor.folder import output_folder, write_manifest
with output_folder(Path(sys.argv[1]), force=True) as folder:
    (folder / "a.v").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_left_is_removed_at_the_next(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, "old")
    (tmp_path / ".out.neuristor-mine").mkdir()  # no name of ours
    assert subprocess.run([sys.executable, "-c", KILLED, out], check=False).returncode == -signal.SIGKILL
    assert seen(out)["a.v"] == b"old"
    assert len(names(tmp_path)) == 3
    make(out, "new", force=True)
    assert seen(out)["a.v"] == b"new"
    assert names(tmp_path) == [".out.neuristor-mine", "out"]


def test_a_folder_that_a_killed_run_had_moved_away_comes_back(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    (tmp_path / "out").rename(tmp_path / ".out.neuristor-before-abcdefgh")
    with pytest.raises(OutputError, match="in the meantime"):
        make(tmp_path / "out", "new")
    assert seen(tmp_path / "out")["a.v"] == b"old"
    assert names(tmp_path) == ["out"]


def test_an_input_of_this_run_is_never_replaced(tmp_path: Path) -> None:
    make(tmp_path / "out")
    inside, beside = tmp_path / "out" / "a.v", tmp_path / "design.toml"
    beside.write_text("mine")
    (tmp_path / "link").symlink_to(beside)
    with one_run():
        content(beside)
        content(inside)
        for target in (beside, tmp_path / "link", tmp_path / "out" / ".." / "design.toml"):
            with pytest.raises(OutputError, match="is an input of this run"):
                write_file(target, "x", force=True)
        with pytest.raises(OutputError, match=r"it holds a\.v, an input of this run"):
            make(tmp_path / "out", force=True)
        write_file(beside, "changed", force=True, change=True)
    assert beside.read_text() == "changed"
    make(tmp_path / "out", force=True)  # another run


@pytest.mark.parametrize(
    "arguments",
    [
        ("generate", "{d}", "--out", "{d}", "--force"),
        ("fit", "{csv}", "--supply", "1.5", "--out", "{csv}", "--force"),
        ("build", "{d}", "--out", "{folder}", "--force"),
        ("core", "{d}", "--out", "{folder}", "--force"),
        ("run", "{d}", "--out", "{folder}", "--force"),
        ("synth", "{d}", "--out", "{folder}", "--force"),
        ("bitstream", "{d}", "--board", "icebreaker", "--out", "{folder}/..", "--force"),
        ("onn", "synth", "{csv}", "--out", "{folder}", "--force"),
        ("onn", "generate", "{csv}", "--out", "{csv}", "--force"),
    ],
)
def test_force_loses_no_design(arguments: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    names = {"d": folder / "lif.toml", "csv": folder / "currents.csv", "folder": folder}
    names["d"].write_text(LIF)
    names["csv"].write_text("0,1,2\n1,0,1\n2,1,0\n" if arguments[0] == "onn" else "1e-5,2e-5,9e-5\n")
    before = seen(tmp_path)
    code, _, errors = command(*(each.format(**names) for each in arguments))
    assert code == 2, errors
    assert "Traceback" not in errors
    assert seen(tmp_path) == before


@pytest.mark.parametrize("name", ["/dev/null", "/dev/full", "/dev/zero", "pipe", "folder"])
def test_a_file_is_not_written_over_a_device(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=r"not a file, but a device or a pipe|it is a folder"):
        check_target(tmp_path / name, force=True)
    with pytest.raises(OutputError):
        write_file(tmp_path / name, "x", force=True)


def test_files_are_written_all_or_none(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        write_files({tmp_path / "a": "1", tmp_path / "b": "2"}, force=True)
    assert names(tmp_path) == ["b"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(number: int, tmp_path: Path) -> None:

    def full() -> None:
        with output_folder(tmp_path / "new" / "out") as folder:
            (folder / "half").write_text("x")
            raise OSError(number, os.strerror(number), str(folder / "half"))

    with pytest.raises(OutputError, match=f"out cannot be written .{os.strerror(number)}"):
        full()
    assert seen(tmp_path) == {}
    with pytest.raises(FileNotFoundError), output_folder(tmp_path / "out"):  # no other error is taken for it
        raise FileNotFoundError(errno.ENOENT, "no such tool")


@pytest.fixture
def full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A disk in which `tmp_path` has room for so many files, and for half of one more."""

    def limit(room: int) -> None:
        files = [room]

        def checked(write: Callable[..., int]) -> Callable[..., int]:
            def writes(self: Path, data: str | bytes, *args: object, **options: object) -> int:
                if not self.is_relative_to(tmp_path):
                    return write(self, data, *args, **options)
                files[0] -= 1
                if files[0] < 0:
                    write(self, data[: len(data) // 2], *args, **options)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
                return write(self, data, *args, **options)

            return writes

        real = os.write

        def by_handle(handle: int, data: memoryview) -> int:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                files[0] -= 1
                if files[0] < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(handle, data)

        monkeypatch.setattr(Path, "write_text", checked(Path.write_text))
        monkeypatch.setattr(Path, "write_bytes", checked(Path.write_bytes))
        monkeypatch.setattr(os, "write", by_handle)

    return limit


@pytest.mark.filterwarnings("ignore:constrained_layout not applied")  # of a report with three neurons
@pytest.mark.parametrize(
    ("arguments", "room"),
    [
        (("generate", "{0}/lif.toml", "--out", "{0}/out/a.v"), 0),
        (("generate", "{0}/lif.toml", "--out", "{0}/out/a.v"), 1),
        (("core", "{0}/lif.toml", "--out", "{0}/out"), 1),
        (("devices", "vo2-onn", "--plot", "{0}/a.svg"), 0),
        (("onn", "generate", "{0}/weights.csv", "--out", "{0}/out/a.v"), 1),
        pytest.param(("build", "{0}/lif.toml", "--out", "{0}/out"), 3, marks=pytest.mark.slow),
        pytest.param(("run", "{0}/lif.toml", "--board", "virtual", "--out", "{0}/out"), 0, marks=pytest.mark.extended),
    ],
)
def test_a_command_on_a_full_disk_ends_with_one_sentence(
    arguments: tuple[str, ...], room: int, full_disk: Callable[[int], None], tmp_path: Path
) -> None:
    (tmp_path / "lif.toml").write_text(LIF)
    (tmp_path / "currents.csv").write_text("1e-5,2e-5,9e-5\n")
    (tmp_path / "weights.csv").write_text("0,1,2\n1,0,1\n2,1,0\n")
    before = seen(tmp_path)
    full_disk(room)
    code, _, errors = command(*(each.format(tmp_path) for each in arguments))
    assert code == 2, errors
    assert errors.startswith("neuristor: ")
    assert errors.count("\n") == 1
    assert "No space left on device" in errors
    assert seen(tmp_path) == before


def test_a_manifest_lists_all_files_with_their_hashes(tmp_path: Path) -> None:
    make(tmp_path / "out")
    made = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert sorted(made["files"]) == ["a.v", "deep/b.log"]
    assert made["about"] == "a test"
    assert isinstance(made["neuristor"], str)

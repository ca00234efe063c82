"""What is in the cache is run: nothing from a folder that others can write, and nothing is left of killed runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from neuristor.sim.engines import cache
from neuristor.sim.engines.cache import CacheError, cached


def planted(folder: Path) -> None:
    (folder / "model.so").write_text("built")
    (folder / "deep").mkdir()
    (folder / "deep" / "sim.vvp").write_text("built")


def owned_by_another(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file belong to another user, as this user or root sees it."""
    real, other = Path.lstat, path.absolute()

    def lstat(self: Path) -> os.stat_result:
        found = real(self)
        return os.stat_result([*found[:4], 12345, *found[5:10]]) if self.absolute() == other else found

    monkeypatch.setattr(Path, "lstat", lstat)


WRITABLE: dict[str, Callable[[Path], Path]] = {
    "the entry": lambda entry: entry,
    "its library": lambda entry: entry / "model.so",
    "a folder in it": lambda entry: entry / "deep",
    "a file in a folder in it": lambda entry: entry / "deep" / "sim.vvp",
}


@pytest.mark.parametrize("mode", [0o020, 0o002, 0o022])
@pytest.mark.parametrize("which", WRITABLE)
def test_an_entry_that_others_can_write_is_built_again(which: str, mode: int, tmp_path: Path) -> None:
    entry = cached(["key"], planted, tmp_path)
    path = WRITABLE[which](entry)
    (entry / "model.so").write_text("planted")
    path.chmod(path.stat().st_mode | mode)
    assert cached(["key"], planted, tmp_path) == entry
    assert (entry / "model.so").read_text() == "built"
    assert not path.stat().st_mode & 0o022


@pytest.mark.parametrize("which", WRITABLE)
def test_an_entry_of_another_user_is_built_again(which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = cached(["key"], planted, tmp_path)
    (entry / "model.so").write_text("planted")
    with monkeypatch.context() as patched:
        owned_by_another(WRITABLE[which](entry), patched)
        cached(["key"], planted, tmp_path)
    assert (entry / "model.so").read_text() == "built"


@pytest.mark.parametrize("inside", [False, True])
def test_an_entry_that_is_a_link_or_holds_one_is_built_again(inside: bool, tmp_path: Path) -> None:
    entry, elsewhere = cached(["key"], planted, tmp_path / "cache"), tmp_path / "elsewhere"
    entry.rename(elsewhere)
    if inside:
        entry.mkdir()
        (entry / "model.so").symlink_to(elsewhere / "model.so")
    else:
        entry.symlink_to(elsewhere)
    (elsewhere / "model.so").write_text("planted")
    assert (cached(["key"], planted, tmp_path / "cache") / "model.so").read_text() == "built"
    assert not entry.is_symlink()
    assert (elsewhere / "model.so").read_text() == "planted"


def test_what_is_built_with_an_open_umask_can_be_written_by_nobody_else(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        entry = cached(["key"], planted, tmp_path / "a" / "cache")
    finally:
        os.umask(before)
    for path in (tmp_path / "a", tmp_path / "a" / "cache", entry, *entry.rglob("*")):
        assert not path.stat().st_mode & 0o022, path


@pytest.mark.parametrize(
    ("where", "mode", "message"),
    [
        ("cache", 0o777, "cache can be written by others: chmod go-w"),
        ("cache", 0o770, "cache can be written by others: chmod go-w"),
        ("", 0o777, "can be written by all: chmod o-w"),
    ],
)
def test_a_cache_folder_that_others_can_write_is_refused(where: str, mode: int, message: str, tmp_path: Path) -> None:
    root = tmp_path / "around" / "cache"
    cached(["key"], planted, root)
    (tmp_path / "around" / where).chmod(mode)
    with pytest.raises(CacheError, match=message):
        cached(["key"], planted, root)
    (tmp_path / "around" / where).chmod(0o755)
    (tmp_path / "link").symlink_to(root)
    assert cached(["key"], planted, tmp_path / "link").parent == root
    (tmp_path / "around" / where).chmod(mode)
    with pytest.raises(CacheError, match=message):
        cached(["key"], planted, tmp_path / "link")


@pytest.mark.parametrize("which", ["root", "link", "parent"])
def test_a_cache_folder_of_another_user_is_refused(which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, link = tmp_path / "around" / "cache", tmp_path / "link"
    cached(["key"], planted, root)
    link.symlink_to(root)
    owned_by_another({"root": root, "link": link, "parent": root.parent}[which], monkeypatch)
    with pytest.raises(CacheError, match="belongs to the user 12345"):
        cached(["key"], planted, link)


UNUSABLE = ["/proc/none/home", "/dev/null/home", "file", "open"]


def unusable(name: str, tmp_path: Path) -> str:
    (tmp_path / "file").write_text("")
    (tmp_path / "open" / "neuristor" / "sim").mkdir(parents=True)
    (tmp_path / "open" / "neuristor" / "sim").chmod(0o777)
    return str(tmp_path / name)


@pytest.mark.parametrize("name", UNUSABLE)
def test_without_a_cache_folder_of_its_own_a_user_has_a_temporary_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEURISTOR_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", unusable(name, tmp_path))
    cache._temporary.cache_clear()
    entry = cached(["key"], planted)
    assert (entry / "model.so").read_text() == "built"
    assert entry == cached(["key"], planted)
    assert entry.parent.name.startswith("neuristor-cache-")
    assert entry.parent.stat().st_mode & 0o777 == 0o700
    cache._temporary().cleanup()
    cache._temporary.cache_clear()


@pytest.mark.parametrize("name", UNUSABLE[:3])
def test_a_chosen_cache_folder_that_cannot_be_written_is_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURISTOR_CACHE", unusable(name, tmp_path))
    with pytest.raises(CacheError, match=r"^the cache folder \S+ cannot be written"):
        cached(["key"], planted)


@pytest.mark.extended
def test_a_command_needs_no_home_that_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "weights.csv").write_text("0,1,2\n1,0,1\n2,1,0\n")
    hidden = ("NEURISTOR_CACHE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "YOWASP_CACHE_DIR")
    env = {name: value for name, value in os.environ.items() if name not in hidden} | {"HOME": "/proc/none"}
    done = subprocess.run(
        [sys.executable, "-m", "neuristor", "onn", "generate", "weights.csv", "--out", "a.v"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.v", "weights.csv"]


def test_a_user_without_a_home_has_a_temporary_cache(tmp_path: Path) -> None:
    script = (
        "from neuristor.sim.engines import cache\n"
        "cache.user_cache_path = lambda _: cache.Path('~/.cache/neuristor')\n"
        "entry = cache.cached(['key'], lambda folder: None)\n"
        "print(entry.is_dir(), entry)\n"
    )
    env = {name: value for name, value in os.environ.items() if name != "NEURISTOR_CACHE"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    there, entry = done.stdout.split()
    assert there == "True"
    assert not Path(entry).parent.exists()  # removed at the end
    assert not list(tmp_path.iterdir())


def test_what_killed_builds_of_any_entry_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    entry = cached(["key"], planted, tmp_path)
    (tmp_path / "0123456789abcdef.tmp-abcdefgh" / "half").mkdir(parents=True)
    kept = tmp_path / "fedcba9876543210.tmp-abcdefgh"
    kept.mkdir()
    with cache.FileLock(tmp_path / "fedcba9876543210.lock"):  # is being built
        assert cached(["key"], planted, tmp_path) == entry  # needs no build itself
        assert [path.name for path in tmp_path.glob("*.tmp-*")] == [kept.name]
    cached(["key"], planted, tmp_path)
    assert not list(tmp_path.glob("*.tmp-*"))

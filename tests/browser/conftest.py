"""A headless Chromium; the tests are skipped where it, or what drives it, is not installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
LOCAL = ("data:", "file:", "blob:", "http://127.0.0.1:")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A page whose console errors and requests to other computers are kept."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("console", lambda said: self.problems.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(LOCAL) else self.problems.append(asked.url))

    def rules(self) -> list[str]:
        """What breaks the rules of accessibility."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]


@pytest.fixture
def watched(chromium: Any) -> Iterator[Callable[..., Watched]]:
    contexts = []

    def opened(url: str, scheme: str = "light", width: int = 1280) -> Watched:
        context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        context.set_default_timeout(120_000)  # beside place and route
        contexts.append(context)
        made = Watched(context.new_page())
        made.page.goto(url)
        return made

    yield opened
    for context in contexts:
        context.close()


@contextmanager
def explorer(*arguments: str, folder: Path) -> Iterator[str]:
    """The address of a running explorer."""
    command = [sys.executable, "-m", "neuristor", "explore", *arguments, "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder) as run:
        assert run.stdout is not None
        try:
            yield run.stdout.readline().split()[0]
        finally:
            run.terminate()
            run.wait(20)

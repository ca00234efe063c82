"""Screenshots of the documentation: ``python docs/screenshots.py``, with the extra ``dev`` and Debian's chromium.

It opens the explorer with an example, and writes ``docs/explorer.png``.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
WIDTH, HEIGHT = 1280, 1120
COLOURS = 96


def main() -> None:
    """Make them."""
    command = [sys.executable, "-m", "neuristor", "explore", "examples/vo2_oscillators.toml", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent) as explorer:
        assert explorer.stdout is not None
        address = explorer.stdout.readline().split()[0]
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(color_scheme="light", viewport={"width": WIDTH, "height": HEIGHT})
            page.goto(address)
            page.locator("body[data-state=followed]").wait_for(state="attached", timeout=60_000)
            picture = Image.open(io.BytesIO(page.screenshot()))
            browser.close()
        explorer.terminate()
    picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=COLOURS).save(HERE / "explorer.png", optimize=True)


if __name__ == "__main__":
    main()

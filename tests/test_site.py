"""The documentation site is built by one command, its tutorials run, and it needs nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.extended
@pytest.mark.skipif(find_spec("myst_nb") is None, reason="the tools of the site are not installed")
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(tmp_path / "cache")]
    done = subprocess.run([*command, str(DOCS), str(site)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS).with_suffix(".html")).is_file(), page
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(r"<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)=\"(https?:[^\"]*)\"", text)
        assert not [each for each in loaded if not each.startswith("https://github.com/neuristor")], page
    # Every tutorial shows results of its cells.
    for page in (site / "tutorials").glob("*.html"):
        assert page.read_text("utf-8").count('class="cell_output') >= 1, page

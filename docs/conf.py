"""The documentation site: ``python -m sphinx -W docs build/site``, after ``pip install 'neuristor[docs]'``.

The pages are those that can be read in the repository. Tutorials are run while the site is built. The reference of the
command line is made from the program.
"""

import os
import re
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from neuristor.version import __version__

HERE = Path(__file__).parent
REPOSITORY = "https://github.com/neuristor/neuristor/blob/main/"
MADE = HERE / "generated"
"""Pages that are made for the site; not kept."""

project = "Neuristor"
copyright = "the Neuristor authors, Apache-2.0"
version = release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["generated/example/*"]
html_theme = "furo"
html_title = f"Neuristor {release}"
html_static_path: list[str] = []
html_copy_source = False
smartquotes = False  # -- is an option
templates_path: list[str] = []

myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_heading_anchors = 3
# Names of parameters, such as `count`, that several classes have.
suppress_warnings = ["ref.python"]
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
# Commands in tutorials are those of this installation.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
os.environ.setdefault("NO_COLOR", "1")
os.environ["TQDM_DISABLE"] = "1"  # a bar in a page would ask for scripts of other servers
os.environ.setdefault("COLUMNS", "100")


def read(_: Any, name: str, source: list[str]) -> None:
    """What reads well in the repository, in the words of the site.

    Parameters
    ----------
    name : str
        Of the page.
    source : list of str
        Its text, which is changed.
    """
    text = source[0]
    # Terms of the glossary.
    text = re.sub(r'<a id="([\w-]+)"></a>(\*\*[^*]+\*\*)', r"[\2]{#term-\1}", text)
    text = re.sub(r"\]\((?:\.\./)?glossary\.md#([\w-]+)\)", r"](#term-\1)", text)
    # Files that are no pages.
    text = re.sub(r"\]\((?:\.\./)+((?!docs/)[\w./-]+?)(#[\w-]+)?\)", rf"]({REPOSITORY}\1\2)", text)
    source[0] = text


def command_line(_: Any) -> None:
    """Make the reference of the command line from the program."""
    MADE.mkdir(exist_ok=True)
    made = subprocess.run(
        [sys.executable, "-m", "typer", "neuristor.commands.cli", "utils", "docs", "--name", "neuristor"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TERMINAL_WIDTH": "100"},
    ).stdout
    # The first list has the beginnings of the sentences only.
    sentences = dict(re.findall(r"^##+ `neuristor ([\w -]+)`\n\n(.*)$", made, re.MULTILINE))
    parts = re.split(r"(?m)^(?=#+ `)", made)
    for number, part in enumerate(parts):
        group = re.match(r"#+ `neuristor ?([\w -]*)`", part)
        path = f"{group[1]} " if group and group[1] else ""
        parts[number] = re.sub(
            r"(?m)^\* `(\w[\w-]*)`: .*$", lambda found, path=path: f"* `{found[1]}`: {sentences[path + found[1]]}", part
        )
    made = "".join(parts)
    (MADE / "command-line.md").write_text(made.replace("# `neuristor`", "# Command line", 1), encoding="utf-8")


def gallery(_: Any) -> None:
    """Make the pictures of the gallery, each by its command, and its page."""
    folder = MADE / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    parts = ["# Gallery\n\nEach picture was made by the command above it, while this site was built.\n"]
    entries = tomllib.loads((HERE / "gallery.toml").read_text("utf-8"))["picture"]

    def made(number: int) -> None:
        entry = entries[number]
        command = [
            sys.executable,
            "-m",
            "neuristor",
            *entry["command"].split(),
            "--plot",
            str(folder / f"{number}.svg"),
        ]
        command += ["--picture", entry["picture"]] if "picture" in entry else []
        subprocess.run([*command, "--force"], cwd=HERE.parent, capture_output=True, text=True, check=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(made, range(len(entries))))
    for number, entry in enumerate(entries):
        shown = f"neuristor {entry['command']} --plot picture.svg"
        shown += f" --picture {entry['picture']}" if "picture" in entry else ""
        parts.append(f"## {entry['title']}\n\n{entry['text']}\n\n```sh\n{shown}\n```\n")
        parts.append(f"![{entry['title']}](gallery/{number}.svg)\n")
    (MADE / "gallery.md").write_text("\n".join(parts), encoding="utf-8")


def setup(app: Any) -> None:
    """Connect them.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The builder.
    """
    app.connect("builder-inited", command_line)
    app.connect("builder-inited", gallery)
    app.connect("source-read", read)

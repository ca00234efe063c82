"""``neuristor``: from an oxide device to a verified FPGA image."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer
from rich.console import Console
from typer.core import TyperGroup

from neuristor.boards.base import MissingTool
from neuristor.boards.flow import ToolError as FlowError
from neuristor.boards.host import BoardError
from neuristor.commands import board, design, devices, doctor, evidence, explore, model, new, onn, snn, sweep
from neuristor.commands.terminal import console, print_record, start_record, stop
from neuristor.folder import OutputError, one_line
from neuristor.golden_model.files import one_run
from neuristor.hdl.conversion import YosysError
from neuristor.sim.engines.cache import CacheError
from neuristor.sim.engines.simulators import ToolError
from neuristor.toml_file import DesignError
from neuristor.version import __version__

__all__ = ["app", "main"]


class _Group(TyperGroup):
    """Ctrl-C prints a sentence; with --json, all that was printed comes at the end."""

    def invoke(self, ctx: Any) -> Any:
        try:
            found = super().invoke(ctx)
            print_record(0)
        except typer.Exit as error:
            print_record(error.exit_code)
            raise
        except KeyboardInterrupt:
            Console(stderr=True, highlight=False).print("neuristor: stopped; nothing was written")
            print_record(130)
            raise typer.Exit(130) from None
        return found


def _collect(ctx: typer.Context, wanted: bool) -> bool:
    if wanted:
        path: list[str] = []
        here: Any = ctx
        while here.parent is not None:
            path.insert(0, here.info_name)
            here = here.parent
        start_record(" ".join(["neuristor", *path]))
    return wanted


JSON = Annotated[
    bool,
    typer.Option(
        "--json",
        is_eager=True,
        callback=_collect,
        help="Print the result as JSON: figures with value and unit. docs/terminal.md has the schema.",
    ),
]


def _with_json(part: typer.Typer) -> None:
    """Give each command the option --json."""
    for group in part.registered_groups:
        if group.typer_instance is not None:
            _with_json(group.typer_instance)
    for command in part.registered_commands:
        if command.callback is not None and not hasattr(command.callback, "__wrapped__"):
            command.callback = _has_json(command.callback)


def _has_json(command: Callable[..., Any]) -> Callable[..., Any]:
    def called(*, as_json: bool = False, **given: Any) -> Any:
        return command(**given)

    last = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=JSON)
    hints = get_type_hints(command, include_extras=True)
    own = [each.replace(annotation=hints[name]) for name, each in inspect.signature(command).parameters.items()]
    called.__doc__, called.__name__, called.__module__ = command.__doc__, command.__name__, command.__module__
    called.__annotations__ = {**hints, "as_json": JSON}
    called.__wrapped__ = command  # type: ignore[attr-defined]
    called.__signature__ = inspect.Signature([*own, last])  # type: ignore[attr-defined]
    return called


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Describe an oxide neuron device, get an FPGA that behaves like an array of them, with proof that it does."
    "\n\nStart with `neuristor new`, which asks what you have, or with `neuristor explore`, a page with sliders. Exit "
    "status: 0 good, 1 a bad result (such as a circuit that differs), 2 wrong input or a missing tool, 130 stopped.",
)
for _title, _part in (
    ("Start", new),
    ("Start", explore),
    ("Devices", devices),
    ("Arrays of neurons", design),
    ("Evidence", evidence),
    ("Parameter sweeps", sweep),
    ("Boards", board),
    ("This computer", doctor),
):
    _with_json(_part.app)
    for _command in _part.app.registered_commands:
        _command.rich_help_panel = _title
    app.add_typer(_part.app)
for _networks in (model, onn, snn):
    _with_json(_networks.app)
app.add_typer(model.app, name="model", rich_help_panel="Devices")
app.add_typer(onn.app, name="onn", rich_help_panel="Networks")
app.add_typer(snn.app, name="snn", rich_help_panel="Networks")


def main() -> None:
    """Run the command line; wrong input, or a disk or memory that is full, prints one sentence and gives status 2.

    Raises
    ------
    ImportError
        If the installation is broken; a package that is optional gives status 2.
    """
    try:
        with one_run():
            app()
    except (DesignError, OutputError, ToolError, CacheError, YosysError, FlowError, MissingTool, BoardError) as error:
        sentence = str(error)
    except OSError as error:
        sentence = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    except MemoryError:
        sentence = "there is not enough memory"
    except ImportError as error:
        if "pip install" not in str(error):
            raise
        sentence = str(error)
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"neuristor: {one_line(sentence)}", markup=False)
    print_record(2, one_line(sentence))
    sys.exit(2)


def _version(wanted: bool) -> None:
    if wanted:
        console.print(f"neuristor {__version__}")
        stop(0)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass

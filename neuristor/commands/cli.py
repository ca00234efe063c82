"""``neuristor``: from an oxide device to a verified FPGA image."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, get_type_hints

import typer
import typer.main
from rich.console import Console
from typer.core import TyperCommand, TyperGroup

from neuristor.commands.listing import COMMANDS, GROUPS
from neuristor.commands.terminal import console, drop_record, print_record, start_record, stop
from neuristor.version import __version__

__all__ = ["app", "main"]


class _Group(TyperGroup):
    """Commands that are loaded when they are used; Ctrl-C prints a sentence, and --json the result at the end."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._listing = False
        self.commands = {
            name: TyperCommand(name=name, help=entry.help, rich_help_panel=entry.panel)
            for name, entry in COMMANDS.items()
        }

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if self._listing or cmd_name not in COMMANDS:
            return self.commands.get(cmd_name)
        return _loaded(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        self._listing = True
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self._listing = False

    def invoke(self, ctx: Any) -> Any:
        from neuristor.golden_model.files import one_run

        drop_record()
        try:
            with one_run():
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


@cache
def _loaded(name: str) -> Any:
    """Load a command, or a group."""
    part = importlib.import_module(f"neuristor.commands.{COMMANDS[name].module}").app
    _with_json(part)
    group = typer.main.get_group(part)
    if name in GROUPS:
        group.name = name
        return group
    return group.commands[name]


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
    vars(called).update(__wrapped__=command, __signature__=inspect.Signature([*own, last]))
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


def main() -> None:
    """Run the command line; wrong input, or a disk or memory that is full, prints one sentence and gives status 2."""
    try:
        app()
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"neuristor: {sentence}", markup=False)
    print_record(2, sentence)
    sys.exit(2)


def _sentence(error: Exception) -> str | None:
    """The sentence of an error that a user can mend; None for one of ours."""
    from neuristor.boards.base import MissingTool
    from neuristor.boards.flow import ToolError as FlowError
    from neuristor.boards.host import BoardError
    from neuristor.folder import OutputError, one_line
    from neuristor.hdl.conversion import YosysError
    from neuristor.sim.engines.cache import CacheError
    from neuristor.sim.engines.simulators import ToolError
    from neuristor.toml_file import DesignError

    ours = (DesignError, OutputError, ToolError, CacheError, YosysError, FlowError, MissingTool, BoardError)
    if isinstance(error, ours):
        return one_line(str(error))
    if isinstance(error, OSError):
        return one_line(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, ImportError) and "pip install" in str(error):
        return one_line(str(error))
    return None


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

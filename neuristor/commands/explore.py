"""``neuristor explore``: a page with sliders."""

from __future__ import annotations

import threading
import time
import webbrowser
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from neuristor.attach import LINKED, VIRTUAL, attached
from neuristor.commands.terminal import console, one_of
from neuristor.explore.server import Explorer, application, open_view

__all__ = ["app"]

app = typer.Typer()


@app.command()
def explore(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="Design file or network file (TOML), or weights of oscillators (CSV). Default: the devices of the "
            "catalogue.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of the page. Default: any that is free.")
    ] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    board: Annotated[
        str, typer.Option("--board", help=f"Board of live runs: {VIRTUAL} (simulated), {', '.join(LINKED)}.")
    ] = VIRTUAL,
    serial: Annotated[str | None, typer.Option("--serial", help="Serial port of the board.")] = None,
) -> None:
    """Open a page with sliders for a device, its circuit, its tick and its words.

    I-V curve, operating window, waveform, firing rates, error by cause and the size on FPGAs follow. It writes design
    files, and shows a run on a board live. The page is for this computer only, and needs no network. Ctrl-C ends it.

    Example: `neuristor explore examples/vo2_oscillators.toml`
    """
    one_of("--board", board, (VIRTUAL, *LINKED))
    view = None if file is None else open_view(file)
    folder = Path() if file is None else file.parent
    explorer = Explorer(view, folder, partial(attached, board=board, port=serial))
    server = uvicorn.Server(
        uvicorn.Config(
            application(explorer), host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1
        )
    )
    said = threading.Thread(target=_say, args=(server, browser), daemon=True)
    said.start()
    try:
        with suppress(KeyboardInterrupt):  # the way to end it
            server.run()
    finally:
        explorer.stop()


def _say(server: uvicorn.Server, browser: bool) -> None:
    """Say where the page is when it is there."""
    while not server.started:
        if server.should_exit:
            return
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    console.print(f"{address} (Ctrl-C ends it)", soft_wrap=True)
    if browser:
        webbrowser.open(address)

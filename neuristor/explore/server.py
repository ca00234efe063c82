"""The page of the explorer and its answers; for this computer only."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from neuristor.design_file import DesignError
from neuristor.explore.live import Attach, Live
from neuristor.explore.networks import OscillatorsView, SpikingView
from neuristor.explore.neuron import DesignView, preset_design
from neuristor.explore.view import View
from neuristor.folder import OutputError, write_file
from neuristor.golden_model.devices.catalogue import catalogue
from neuristor.golden_model.units import si
from neuristor.pictures.screen import asset, environment, plotly_script
from neuristor.starting import read_number
from neuristor.toml_file import toml
from neuristor.version import __version__

__all__ = ["START", "Explorer", "application", "open_view"]

START = "vo2-onn"
"""The device that is shown when no file is given."""
MOST_BODY = 64 * 1024
"""Most bytes of a question."""


def open_view(path: Path) -> View:
    """Open a file for the explorer; a wrong file raises `DesignError`.

    Parameters
    ----------
    path : Path
        A design file or a network file (TOML), or weights of oscillators (CSV).
    """
    if path.suffix.lower() == ".csv":
        return OscillatorsView(path)
    if "network" in toml(path)[0]:
        return SpikingView(path)
    return DesignView(path)


def _presets() -> list[str]:
    found = []
    for name in catalogue():
        try:
            preset_design(name)
        except DesignError:
            continue
        found.append(name)
    return found


class Explorer:
    """The state of the page: what is shown, and the run that is watched.

    Parameters
    ----------
    view : View or None
        A file; None for the devices of the catalogue.
    folder : Path
        Where design files are written.
    attach : callable
        Opens a board.
    """

    def __init__(self, view: View | None, folder: Path, attach: Attach) -> None:
        self.token = secrets.token_urlsafe(16)
        self._fixed, self._folder, self._attach = view, folder, attach
        self._views: dict[str, View] = {}
        self._live: Live | None = None
        self._lock = threading.Lock()

    def view(self, device: str) -> View:
        """What is shown.

        Parameters
        ----------
        device : str
            A device of the catalogue; ignored if there is a file.
        """
        if self._fixed is not None:
            return self._fixed
        if device not in self._views:
            self._views[device] = DesignView(preset_design(device), device.replace("-", "_"))
        return self._views[device]

    def page(self, device: str) -> str:
        """The page.

        Parameters
        ----------
        device : str
            As in `view`.
        """
        view = self.view(device)
        groups: dict[str, list[dict[str, Any]]] = {}
        for knob in view.knobs:
            groups.setdefault(knob.group, []).append(knob.json())
        scripts = "".join(f'<script src="{name}" defer></script>' for name in ("plotly.js", "plots.js", "explorer.js"))
        return (
            environment()
            .get_template("explorer.html.j2")
            .render(
                title=f"{view.title}: explorer",
                view=view,
                groups=groups,
                devices=[] if self._fixed is not None else _presets(),
                device=device,
                token=self.token,
                writable=view.text({}) is not None,
                style=asset("style.css") + asset("explorer.css"),
                scripts=scripts,
                version=__version__,
            )
        )

    def answer(self, question: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer a question of the page; a wrong value raises `DesignError`.

        Parameters
        ----------
        question : str
            ``part``, ``check``, ``write``, ``live`` or ``stop``.
        body : dict
            What it is about.
        """
        view = self.view(str(body.get("device", START)))
        given = body.get("values")
        values, texts = _values(view, given if isinstance(given, dict) else {})
        if question == "part":
            with self._lock:  # one at a time: the computations are as fast as the processor, not faster together
                return {**view.see(str(body.get("part")), values).json(), "texts": texts}
        if question == "check":
            return {"values": values, "texts": texts}
        if question == "write":
            return {"written": str(self._write(view, values, str(body.get("name", "")), body.get("replace") is True))}
        self.stop()
        if question == "live":
            self._live = Live(view.session(values), self._attach)
        return {}

    def stop(self) -> None:
        """End the run that is watched."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def events(self) -> Any:
        """The steps of the run that is watched, as server-sent events."""
        live = self._live
        if live is None:
            return
        for event in live.events():
            yield f"data: {json.dumps(event, allow_nan=False)}\n\n"

    def _write(self, view: View, values: dict[str, float], name: str, replace: bool) -> Path:
        text = view.text(values)
        if text is None:
            raise DesignError(f"{view.title} is no design file")
        if name != Path(name).name or not name.endswith(".toml") or name.startswith("."):
            raise DesignError(f"the name must be that of a file in this folder and end in .toml, not {name!r}")
        target = self._folder / name
        write_file(target, text, force=replace, change=replace)
        return target


def _values(view: View, given: dict[str, Any]) -> tuple[dict[str, float], dict[str, str]]:
    """Values of knobs in SI units, and as texts; a text may have a unit and a prefix.

    Raises
    ------
    DesignError
        If one is no number of the knob's unit.
    """
    values, texts = {}, {}
    known = {knob.key: knob for knob in view.knobs}
    for key, value in given.items():
        knob = known.get(key)
        if knob is None:
            raise DesignError(f"there is no {key}")
        values[key] = number = read_number(knob.label, knob.unit, value)
        if knob.scale == "whole" and not knob.low <= number <= knob.high:
            raise DesignError(f"{knob.label} must be {knob.low:g} to {knob.high:g}, not {number:g}")
        texts[key] = str(si(values[key], knob.unit))
    return values, texts


def application(explorer: Explorer) -> Starlette:
    """The web application of an explorer.

    It answers only questions that name this computer as their host and have the token of the page, so that no other
    page that is open in the browser can ask.

    Parameters
    ----------
    explorer : Explorer
        The explorer.
    """

    def home(request: Request) -> Response:
        device = request.query_params.get("device", START)
        try:
            return HTMLResponse(explorer.page(device), headers=_SAFE)
        except DesignError as error:
            return PlainTextResponse(f"{error}\n", status_code=404)

    def static(name: str, read: Callable[[], str], kind: str) -> Route:
        return Route(f"/{name}", lambda _: Response(read(), media_type=kind))

    async def ask(request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool

        if not secrets.compare_digest(request.headers.get("x-neuristor", ""), explorer.token):
            return JSONResponse({"error": "this page is of another explorer: load it again"}, status_code=403)
        content = b""
        async for piece in request.stream():
            content += piece
            if len(content) > MOST_BODY:
                return JSONResponse({"error": "the question is too long"}, status_code=413)
        try:
            body = json.loads(content or b"{}")
            if not isinstance(body, dict):
                raise ValueError
        except (ValueError, RecursionError):
            return JSONResponse({"error": "the question is not JSON"}, status_code=400)
        try:
            return JSONResponse(await run_in_threadpool(explorer.answer, request.path_params["question"], body))
        except (DesignError, OutputError, OSError) as error:
            return JSONResponse({"error": str(error)}, status_code=422)

    def events(request: Request) -> Response:
        if not secrets.compare_digest(request.query_params.get("token", ""), explorer.token):
            return PlainTextResponse("no such run\n", status_code=403)
        return StreamingResponse(explorer.events(), media_type="text/event-stream")

    scripts = "text/javascript"
    return Starlette(
        routes=[
            Route("/", home),
            static("plotly.js", plotly_script, scripts),
            static("plots.js", lambda: asset("plots.js"), scripts),
            static("explorer.js", lambda: asset("explorer.js"), scripts),
            Route("/ask/{question:str}", ask, methods=["POST"]),
            Route("/events", events),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


_SAFE = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}

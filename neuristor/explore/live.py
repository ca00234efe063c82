"""A run on a board, watched: its steps as events for the page."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from neuristor.attach import HIDDEN
from neuristor.boards.host import BoardError
from neuristor.pictures.networks import circle_panel
from neuristor.pictures.picture import Axis, Panel, Series
from neuristor.pictures.screen import figure
from neuristor.session import OnnSession, Session, SnnSession
from neuristor.sim.engines.simulators import ToolError
from neuristor.toml_file import DesignError

__all__ = ["Attach", "Live"]

Attach = Callable[..., AbstractContextManager[Any]]
"""Opens a board for a core: ``attach(core, say=...)``."""
WINDOW = 300
"""Ticks that the picture of a run shows."""


class Live:
    """A run on a board in a thread of its own.

    Parameters
    ----------
    session : Session
        The run.
    attach : callable
        Opens the board.
    """

    def __init__(self, session: Session, attach: Attach) -> None:
        self._session, self._attach = session, attach
        self._events: queue.Queue[dict[str, Any]] = queue.Queue(maxsize=4)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the run after its present step."""
        self._stop.set()

    def events(self) -> Iterator[dict[str, Any]]:
        """The steps of the run; the last one has ``end``."""
        while True:
            try:
                event = self._events.get(timeout=1.0)
            except queue.Empty:
                if not self._thread.is_alive() and self._events.empty():
                    return
                continue
            yield event
            if "end" in event:
                return

    def _say(self, event: dict[str, Any]) -> None:
        while not self._stop.is_set() or "end" in event:
            try:
                self._events.put(event, timeout=0.2)
            except queue.Full:
                if self._stop.is_set():
                    return  # the page has closed the stream
                continue
            return

    def _run(self) -> None:
        try:
            self._steps()
        except (BoardError, DesignError, ToolError, OSError) as error:
            self._say({"end": "bad", "title": str(error)})

    def _steps(self) -> None:
        core = self._session.core()
        with self._attach(core, say=lambda text: self._say({"title": text})) as board:
            self._say({"title": "loading"})
            board.load(core)
            difference = None
            for step in self._session.steps(board):
                difference = step.difference
                counters = {name: value for name, value in board.counters().items() if name not in HIDDEN}
                panels = [{"title": each.title, "figure": figure(each)} for each in _panels(self._session)]
                self._say({"title": step.title, "done": step.done, "counters": counters, "panels": panels})
                if self._stop.is_set():
                    self._say({"end": "open", "title": "stopped; equal to the bit-true model until here"})
                    return
            if difference is not None:
                self._say({"end": "bad", "title": f"the board differs from the model: {difference}"})
            else:
                self._say({"end": "good", "title": "the whole run: equal to the bit-true model"})


def _panels(session: Session) -> list[Panel]:
    arrays = session.arrays()
    if isinstance(session, OnnSession):
        turns = arrays["phase"][-1] / session.params.raw.period
        return [circle_panel(turns - turns[0])]
    if isinstance(session, SnnSession):
        ticks, neuron = np.nonzero(arrays["spike"][-1])
        count = arrays["spike"].shape[2]
    else:
        spikes = arrays["spikes"]
        last = int(spikes[-1, 0]) if len(spikes) else 0
        spikes = spikes[spikes[:, 0] > last - WINDOW]
        ticks, neuron = spikes[:, 0], spikes[:, 1]
        count = int(arrays["drive_raw"].shape[1])
    y = Axis("neuron", whole=True, limits=(-1.0, float(count)))
    series = [Series("spike", ticks, neuron, "circuit", "spikes")]
    return [Panel("spikes from the board", Axis("time", "ticks", whole=True), y, series)]

"""The circuit in Amaranth's simulator: slow, but without a C++ compiler.

For unit tests, and for ``neuristor verify`` on a machine without a C++ compiler.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from amaranth.hdl import ResetInserter, Signal, Value
from amaranth.sim import Simulator
from numpy.typing import NDArray

from neuristor.hdl.array import NeuronArray

__all__ = ["InterpretedModel"]

Bytes = NDArray[np.uint8]


class InterpretedModel:
    """A neuron array in Amaranth's simulator.

    Parameters
    ----------
    array : NeuronArray
        An array that is not part of another design.
    """

    def __init__(self, array: NeuronArray) -> None:
        self._array = array
        self._reset = Signal()
        # Amaranth's simulator expands the enable of a memory bit by bit into one nested expression.
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, 4 * len(Value.cast(array.o.payload))))
        try:
            self._simulator = Simulator(ResetInserter(self._reset)(array))
        finally:
            sys.setrecursionlimit(limit)
        self._simulator.add_clock(1e-6)
        self._status: dict[str, int] = {}

    def exchange(
        self,
        rows: Bytes,
        out_rows: int,
        *,
        valid_pattern: Bytes | None = None,
        ready_pattern: Bytes | None = None,
        reset_at: int | None = None,
        max_idle: int = 10_000,
    ) -> tuple[Bytes, int]:
        """Send input rows and collect output rows. May be called once.

        A ``TimeoutError`` is raised if there is no transfer for `max_idle` clocks.

        Parameters
        ----------
        rows : ndarray of uint8, shape (n, bytes of an input row)
            Input rows, least significant byte first.
        out_rows : int
            Number of output rows to wait for.
        valid_pattern, ready_pattern : ndarray of uint8, optional
            Whether to offer a new row, and whether to accept one: one byte per clock, repeated cyclically. No stalls
            by default. An offered row stays until it is accepted.
        reset_at : int, optional
            Clock in which to reset the circuit and begin again with the first row.
        max_idle : int
            Clocks without a transfer after which the circuit counts as stuck.

        Returns
        -------
        out : ndarray of uint8, shape (out_rows, bytes of an output row)
            Output rows, least significant byte first.
        cycles : int
            Number of clocks.
        """
        always = np.ones(1, dtype=np.uint8)
        offer = (always if valid_pattern is None else valid_pattern).tolist()
        take = (always if ready_pattern is None else ready_pattern).tolist()
        array, words = self._array, [int.from_bytes(row.tobytes(), "little") for row in rows]
        i_word, o_word = Value.cast(array.i.payload), Value.cast(array.o.payload)
        size = -(-len(o_word) // 8)
        got: list[int] = []
        cycles = 0

        async def testbench(ctx: Any) -> None:
            nonlocal cycles
            sent = idle = 0
            offered = False
            while len(got) < out_rows:
                if reset_at is not None and cycles == reset_at:
                    ctx.set(self._reset, 1)
                    ctx.set(array.i.valid, 0)
                    ctx.set(array.o.ready, 0)
                    await ctx.tick()
                    ctx.set(self._reset, 0)
                    got.clear()
                    sent, offered = 0, False
                    cycles += 1
                    continue
                offered = sent < len(words) and (offered or bool(offer[cycles % len(offer)]))
                ctx.set(array.i.valid, offered)
                if offered:
                    ctx.set(i_word, words[sent])
                ctx.set(array.o.ready, take[cycles % len(take)])
                moved_in = offered and ctx.get(array.i.ready)
                moved_out = ctx.get(array.o.valid) and ctx.get(array.o.ready)
                if moved_out:
                    got.append(ctx.get(o_word))
                await ctx.tick()
                if moved_in:
                    sent, offered = sent + 1, False
                idle = 0 if moved_in or moved_out else idle + 1
                if idle > max_idle:
                    raise TimeoutError(f"no transfer for {max_idle} clocks after {len(got)} rows")
                cycles += 1
            self._status = {name: ctx.get(getattr(array, name)) for name in ("saturated", "saturations")}

        self._simulator.add_testbench(testbench)
        self._simulator.run()
        data = b"".join(word.to_bytes(size, "little") for word in got)
        return np.frombuffer(data, dtype=np.uint8).reshape(len(got), size), cycles

    def status(self, name: str) -> int:
        """Return the value of an output at the end of the exchange.

        Parameters
        ----------
        name : str
            ``"saturated"`` or ``"saturations"``.

        Returns
        -------
        int
            The value, unsigned.
        """
        return self._status[name]

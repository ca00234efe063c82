"""Rows of weights in memory: their layout, their content, and how spikes address them."""

from __future__ import annotations

import math

import numpy as np
from amaranth.lib import data

from neuristor.golden_model.networks.snn import Connection
from neuristor.golden_model.networks.synapses import Convolution, reach
from neuristor.hdl.snn.plan import LayerPlan, Source
from neuristor.hdl.snn.walker import DenseWalker, TableEntry, TableWalker, Walker

__all__ = ["WeightRows", "chunk_lanes", "weight_layout"]

CHUNK_BITS = 36
"""Width of a block RAM, in bits. A wider row of weights is stored in several memories, one chunk of the row in each."""
NOTHING = TableEntry(0, 0, 0, 0)
"""The entry of a slot that reaches no neuron."""


class WeightRows:
    """The weights of a connection as rows of one weight per lane, and how spikes address the rows.

    The address of a row is

    - dense: ``slot * rows + row``;
    - dense, pooled spikes: ``tile * rows + row``;
    - convolution: ``((channel * height + y) * width + x) * inner + part``, by input channel and position in the kernel;
      part p of the `inner` parts holds the output channels ``p * lanes`` to ``(p + 1) * lanes - 1``.

    Parameters
    ----------
    plan : LayerPlan
        The layer that receives the spikes.
    connection : Connection
        Weights in integers.
    source : Source
        Where the spikes come from.

    Attributes
    ----------
    depth : int
        Rows.
    """

    def __init__(self, plan: LayerPlan, connection: Connection, source: Source) -> None:
        self.plan, self.connection, self.source = plan, connection, source
        self.synapses = connection.synapses
        if isinstance(self.synapses, Convolution):
            self.inner = plan.params.shape[0] // plan.lanes
            self.depth = math.prod(self.synapses.kernel.shape[1:]) * self.inner
        elif self.synapses.pool == (1, 1):
            self.depth = (int(source.slots[-1]) + 1) * plan.rows
        else:
            self.depth = self.synapses.weights.shape[1] * plan.rows

    def words(self) -> list[list[int]]:
        """The weights of each row, lane by lane.

        Returns
        -------
        list of list of int, shape (depth, lanes)
            Slots that are padding have weights of 0.
        """
        plan, lanes = self.plan, self.plan.lanes
        made = np.zeros((self.depth, lanes), dtype=np.int64)
        if isinstance(self.synapses, Convolution):
            kernel = self.synapses.kernel
            made[:] = kernel.reshape(self.inner, lanes, -1).transpose(2, 0, 1).reshape(self.depth, lanes)
        else:
            weights = self.synapses.weights
            by_row = weights[plan.places].reshape(plan.rows, lanes, -1)  # row, lane, column
            columns = by_row.transpose(2, 0, 1)
            if self.synapses.pool == (1, 1):
                at = self.source.slots
                made.reshape(-1, plan.rows, lanes)[at] = columns[self.source.places]
            else:
                made[:] = columns.reshape(self.depth, lanes)
        rows: list[list[int]] = made.tolist()
        return rows

    def chunks(self) -> list[list[int]]:
        """The same rows as the words of each memory.

        Returns
        -------
        list of list of int, shape (chunks, depth)
            A word holds the weights of `chunk_lanes` lanes in two's complement, the lowest lane in the lowest bits.
        """
        bits, per_chunk, lanes = self.connection.weight_bits, chunk_lanes(self), self.plan.lanes
        mask, words = (1 << bits) - 1, self.words()
        return [
            [
                sum((weight & mask) << (bits * n) for n, weight in enumerate(word[first : first + per_chunk]))
                for word in words
            ]
            for first in range(0, lanes, per_chunk)
        ]

    def walker(self, event: data.StructLayout) -> Walker:
        """A circuit that finds the rows of each spike.

        Parameters
        ----------
        event : data.StructLayout
            Payload of the events: that of ``Scanner.o``.

        Returns
        -------
        Walker
        """
        plan = self.plan
        if not isinstance(self.synapses, Convolution) and self.synapses.pool == (1, 1):
            return DenseWalker(event, int(self.source.slots[-1]) + 1, plan.rows)
        table = [NOTHING] * (int(self.source.slots[-1]) + 1)
        for slot, natural in zip(self.source.slots.tolist(), self.source.places.tolist(), strict=True):
            table[slot] = self._entry(natural)
        if not isinstance(self.synapses, Convolution):
            return TableWalker(event, self.depth, plan.rows, table, plan.rows, (0, 0), (0, 0))
        _, columns = self.synapses.output_shape[1:]
        across, down = self.synapses.stride[1], self.synapses.stride[0] * self.synapses.kernel.shape[3]
        return TableWalker(
            event,
            self.depth,
            plan.rows,
            table,
            self.inner,
            (-across * self.inner, self.inner),
            (-down * self.inner, columns * self.inner),
        )

    def _entry(self, natural: int) -> TableEntry:
        """Where the rows of an input begin, and how many there are."""
        synapses = self.synapses
        _, height, width = synapses.input_shape
        channel, pixel = divmod(natural, height * width)
        y, x = (at // size for at, size in zip(divmod(pixel, width), synapses.pool, strict=True))
        rows, columns = height // synapses.pool[0], width // synapses.pool[1]
        if y >= rows or x >= columns:
            return NOTHING
        if not isinstance(synapses, Convolution):
            return TableEntry(((channel * rows + y) * columns + x) * self.plan.rows, 0, 1, 1)
        (first_y, lines, tap_y), (first_x, steps, tap_x) = (
            reach(
                at, synapses.output_shape[n + 1], synapses.kernel.shape[n + 2], synapses.stride[n], synapses.padding[n]
            )
            for n, at in enumerate((y, x))
        )
        if not lines or not steps:
            return NOTHING
        tap = (channel * synapses.kernel.shape[2] + tap_y) * synapses.kernel.shape[3] + tap_x
        first = (first_y * synapses.output_shape[2] + first_x) * self.inner
        return TableEntry(tap * self.inner, first, steps, lines)


def chunk_lanes(rows: WeightRows) -> int:
    """Weights in a word of a memory: as many as fit into 36 bits, at least one, at most one for each lane.

    Parameters
    ----------
    rows : WeightRows
        The rows of a connection.
    """
    return min(max(1, CHUNK_BITS // rows.connection.weight_bits), rows.plan.lanes)


def weight_layout(rows: WeightRows) -> data.StructLayout:
    """Payload of the stream that writes the weights of a connection: one chunk of one row.

    Parameters
    ----------
    rows : WeightRows
        The rows of the connection.

    Returns
    -------
    data.StructLayout
        `address` of the row, number of the `chunk`, and `data`: the word as in `WeightRows.chunks`.
    """
    per_chunk = chunk_lanes(rows)
    chunks = -(-rows.plan.lanes // per_chunk)
    return data.StructLayout(
        {
            "address": range(max(rows.depth, 2)),
            "chunk": range(max(chunks, 2)),
            "data": per_chunk * rows.connection.weight_bits,
        }
    )

"""A toy design with the interface of a neuron array: one accumulator a row."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from neuristor.hdl.verilog import export


class ToyArray(wiring.Component):
    """Add each input row to its accumulator and send the sum.

    Parameters
    ----------
    rows : int
        Rows a tick, at least 2.
    in_width, out_width : int
        Bits in an input and in an output row.
    unstable : bool
        Break the stream rule: change the payload of a waiting row.

    Members
    -------
    i, o : streams of one row a transfer; one output row for each input row.
    saturated : the sum overflowed (and wrapped) at least once.
    saturations : how often, 16 bits.
    """

    def __init__(self, rows: int = 4, in_width: int = 64, out_width: int = 120, *, unstable: bool = False):
        self.rows, self.in_width, self.out_width, self.unstable = rows, in_width, out_width, unstable
        super().__init__(
            {
                "i": In(stream.Signature(in_width)),
                "o": Out(stream.Signature(out_width)),
                "saturated": Out(1),
                "saturations": Out(16),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.sums = sums = Memory(shape=self.out_width, depth=self.rows, init=[])
        read, write = sums.read_port(), sums.write_port()
        row = Signal(range(self.rows))
        next_row = Signal(range(self.rows))
        addend = Signal(self.in_width)
        full = Signal()
        total = Signal(self.out_width + 1)
        enable = Signal()
        m.d.comb += [
            enable.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(enable),
            read.en.eq(enable),
            read.addr.eq(next_row),
            total.eq(read.data + addend),
            write.addr.eq(row),
            write.data.eq(total),
            write.en.eq(enable & full),
        ]
        with m.If(enable):
            m.d.sync += [full.eq(self.i.valid), addend.eq(self.i.payload), row.eq(next_row), self.o.valid.eq(full)]
            with m.If(self.i.valid):
                m.d.sync += next_row.eq(0)
                with m.If(next_row != self.rows - 1):
                    m.d.sync += next_row.eq(next_row + 1)
            with m.If(full):
                m.d.sync += self.o.payload.eq(total)
                with m.If(total[-1]):
                    m.d.sync += [self.saturated.eq(1), self.saturations.eq(self.saturations + 1)]
        if self.unstable:
            with m.If(self.o.valid & ~self.o.ready):
                m.d.sync += self.o.payload.eq(self.o.payload + 1)
        return m


def toy_verilog(name: str = "toy", **parameters: object) -> str:
    """Verilog of a `ToyArray`."""
    return export(ToyArray(**parameters), name)


def toy_outputs(inputs: list[int], rows: int = 4, out_width: int = 120) -> list[int]:
    """The rows that a `ToyArray` sends, after reset."""
    sums, out = [0] * rows, []
    for n, value in enumerate(inputs):
        sums[n % rows] = (sums[n % rows] + value) % (1 << out_width)
        out.append(sums[n % rows])
    return out

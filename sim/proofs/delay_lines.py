"""Delay lines in memory as shift registers, which is what a proof of a pipeline sees.

A line is proved to give the word that it took `CLOCKS` enabled clocks before: each word is written into the row of the
counter and into no other, is read when the counter comes there again, and no reset disturbs that. Only a module of
which this is proved is replaced.
"""

from __future__ import annotations

import re
from functools import lru_cache

from neuristor.golden_model.fixed import select
from neuristor.hdl.delay import CLOCKS
from neuristor.sim.netlists.netlist import Circuit, read_circuit
from neuristor.sim.netlists.words import Graph, Word
from neuristor.sim.proofs.claims import holds

__all__ = ["delay_lines", "with_registers"]

_MODULE = re.compile(r"^module \\(\S*\bdelay_\d+)$.*?^end$", re.MULTILINE | re.DOTALL)
_NAME = "delay"


def delay_lines(text: str) -> dict[str, bool]:
    """Whether each module of delay lines in a circuit is proved to be one.

    Parameters
    ----------
    text : str
        RTLIL of the circuit.
    """
    return {found[1]: _registers(_plain(found)) is not None for found in _MODULE.finditer(text)}


def with_registers(text: str) -> str:
    """RTLIL of a circuit with shift registers in place of its delay lines; lines that are not proved stay.

    Parameters
    ----------
    text : str
        RTLIL of the circuit.
    """

    def replaced(found: re.Match[str]) -> str:
        registers = _registers(_plain(found))
        return found[0] if registers is None else registers.replace(f"\\{_NAME}\n", f"\\{found[1]}\n", 1)

    return _MODULE.sub(replaced, text)


def _plain(found: re.Match[str]) -> str:
    return found[0].replace(f"\\{found[1]}\n", f"\\{_NAME}\n", 1) + "\n"


@lru_cache(maxsize=64)
def _registers(text: str) -> str | None:
    """The module with shift registers, if it is proved that they are the same; else None."""
    try:
        circuit = read_circuit(Graph(), text, _NAME)
        lines = len(circuit.memories)
        return _shifted(circuit, lines) if all(_proved(circuit, line) for line in range(lines)) else None
    except (KeyError, ValueError):  # it has no such signals, or is read and written in another way
        return None


def _proved(circuit: Circuit, line: int) -> bool:
    """Whether a line writes the row of its counter only, and gives what it reads there."""
    graph = circuit.graph
    circuit = circuit.again(lambda name, clock: f"{name}@{clock}")

    def word(name: str, clock: int) -> Word:
        return Word.of(graph, circuit.signal(name, clock), False)

    cell = f"memory_{line}"
    count = word("row", 0)
    row = Word.of(graph, graph.input("row of a line", count.width), False)
    if not circuit.memories[cell].depth == 1 << count.width == CLOCKS - 1:
        return False
    circuit.follow(cell, row.number)
    kept = [Word.of(graph, circuit.content(cell, clock), False) for clock in (0, 1)]
    enable, here = word("enable", 0) == 1, count == row
    given, (before, after) = word(f"given_{line}", 0), (word(f"delayed_{line}", clock) for clock in (0, 1))
    claims = (
        kept[1] == select(enable & here, given, kept[0]),
        word("row", 1) == select(enable, (count + 1) & ((1 << count.width) - 1), count),
        here.__eq__(False) | (after == select(enable, kept[0], before)),
    )
    return all(holds(graph, [], claim.number).proved for claim in claims)


def _shifted(circuit: Circuit, lines: int) -> str:
    """RTLIL of shift registers with the ports of a module of delay lines."""
    source: dict[int | str, str] = {}
    for name in [*circuit.inputs, *(f"delayed_{line}" for line in range(lines))]:
        wire = name if name in circuit.inputs else f"{name}_out"
        source |= {bit: f"\\{wire} [{place}]" for place, bit in enumerate(circuit.bits(name))}

    def joined(name: str) -> str:
        bits = [f"1'{bit}" if isinstance(bit, str) else source[bit] for bit in circuit.bits(name)]
        return "{ " + " ".join(reversed(bits)) + " }"

    made = [f"module \\{_NAME}"]
    for place, (name, width) in enumerate({**circuit.inputs, **circuit.outputs}.items()):
        made.append(f"  wire width {width} {'input' if name in circuit.inputs else 'output'} {place} \\{name}")
    for line in range(lines):
        width = len(circuit.bits(f"given_{line}"))
        chain = [f"\\held_{line}_{clock}" for clock in range(CLOCKS - 1)] + [f"\\delayed_{line}_out"]
        made += [f"  wire width {width} {name}" for name in chain]
        for old, new in zip([joined(f"given_{line}"), *chain], chain, strict=False):
            made += [
                f"  cell $dffe ${new[1:]}_register",
                f"    parameter \\WIDTH {width}",
                "    parameter \\CLK_POLARITY 1",
                "    parameter \\EN_POLARITY 1",
                f"    connect \\CLK {joined('clk')}",
                f"    connect \\EN {joined('enable')}",
                f"    connect \\D {old}",
                f"    connect \\Q {new}",
                "  end",
            ]
    made += [f"  connect \\{name} {joined(name)}" for name in circuit.outputs]
    return "\n".join([*made, "end"])

"""A circuit as words: what each signal is, clock after clock, as a function of inputs and first states.

Yosys reads the circuit, flattens it and leaves cells on words (adders, multipliers, selections, registers,
memories). `Circuit` turns them into nodes of a :class:`neuristor.sim.netlists.words.Graph`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from neuristor.sim.engines.simulators import run_tool
from neuristor.sim.netlists.words import Graph, Word

__all__ = ["Circuit", "Memory", "read_circuit", "run_yosys"]


Given = Callable[[str, int], int | str | Word]


def free(name: str, clock: int) -> str:
    """An input that may be anything in each clock."""
    return f"{name}@{clock}"


class Memory(NamedTuple):
    """A memory of the circuit."""

    name: str
    width: int
    depth: int
    words: tuple[int, ...]
    """What is in it when the FPGA starts."""
    written: bool


SCRIPT = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for command in sys.stdin.read().splitlines():
    ys.run_pass(command, design)
"""


def run_yosys(commands: Sequence[str], folder: Path, problem: str) -> str:
    """Run commands of Yosys in a process of its own: an error inside Yosys ends it.

    Returns
    -------
    str
        What it printed.

    Raises
    ------
    ToolError
        If a command fails; it says `problem`, and Yosys's last words.
    """
    return run_tool([sys.executable, "-c", SCRIPT], folder, problem, "\n".join(commands))


def read_circuit(
    graph: Graph, rtlil: str, top: str = "top", given: Given = free, commands: Sequence[str] = ()
) -> Circuit:
    """The circuit that RTLIL text describes.

    Parameters
    ----------
    graph : Graph
        Where its nodes go.
    rtlil : str
        As ``neuristor.hdl.verilog.to_rtlil`` gives it.
    top : str
    given : callable
        See `Circuit`.
    commands : sequence of str
        Of Yosys, before all becomes one module.
    """
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        folder = Path(scratch)
        (folder / "circuit.il").write_text(rtlil)
        passes = [
            "read_rtlil circuit.il",
            f"hierarchy -check -top {top}",
            "proc",
            *commands,
            f"hierarchy -check -top {top}",
            "flatten",
            "opt_expr",
            "memory_collect",
            "memory_nordff",
            "dffunmap",
            "opt_expr",
            "opt_clean",
            "write_json circuit.json",
        ]
        run_yosys(passes, folder, "Yosys could not read the circuit")
        made = json.loads((folder / "circuit.json").read_text())
    return Circuit(graph, made["modules"][top], given)


def _contents(cell: str) -> str:
    return f"{cell.lstrip('$')} at"


_BINARY = {
    "$add": "add",
    "$sub": "sub",
    "$mul": "mul",
    "$and": "and",
    "$or": "or",
    "$xor": "xor",
}
_COMPARE = {"$lt": ("lt", 0, 0), "$ge": ("lt", 0, 1), "$gt": ("lt", 1, 0), "$le": ("lt", 1, 1)}


class Circuit:
    """The nodes of a circuit's signals, by name and clock.

    All inputs are free in each clock, and so are the contents of registers and memories before clock 0.

    Parameters
    ----------
    graph : Graph
    module : dict
        A flat module, as Yosys writes it as JSON.
    given : callable
        From the name of an input and a clock to what it is: a number, the name of a free word, or a word.

    Attributes
    ----------
    registers : dict of (str, int)
        The bits of each register by name: its width.
    memories : dict of str to Memory

    Raises
    ------
    ValueError
        If it has a cell that is none of words.
    """

    def __init__(self, graph: Graph, module: Mapping[str, Any], given: Given = free) -> None:
        self.graph, self._given, self._module = graph, given, module
        self._ports, self._names = module["ports"], module["netnames"]
        self.inputs = {name: len(port["bits"]) for name, port in self._ports.items() if port["direction"] == "input"}
        self.outputs = {name: len(port["bits"]) for name, port in self._ports.items() if port["direction"] == "output"}
        self._driver: dict[int, tuple[str, str, int]] = {}
        for name in self.inputs:
            for place, bit in enumerate(self._ports[name]["bits"]):
                self._driver[bit] = ("", name, place)
        self._cells: dict[str, Any] = module["cells"]
        self.memories: dict[str, Memory] = {}
        self.registers: dict[str, int] = {}
        for name, cell in self._cells.items():
            for port, direction in cell["port_directions"].items():
                if direction == "output":
                    for place, bit in enumerate(cell["connections"][port]):
                        self._driver[bit] = (name, port, place)
            kind = cell["type"]
            if kind == "$dff":
                self.registers[name] = len(cell["connections"]["Q"])
            elif kind == "$mem_v2":
                self.memories[name] = self._memory(name, cell)
        self._made: dict[tuple[str, str, int], int] = {}
        self._aliases = self._register_names()
        self._followed: dict[str, int] = {}
        self._known: dict[str, list[int]] = {}

    def _register_names(self) -> dict[str, str]:
        """What registers are called in the source, shortest first."""
        by_bits: dict[tuple[Any, ...], str] = {}
        for name, net in self._names.items():
            if not net.get("hide_name"):
                key = tuple(net["bits"])
                if key not in by_bits or (len(name), name) < (len(by_bits[key]), by_bits[key]):
                    by_bits[key] = name
        return {
            cell: by_bits.get(tuple(self._cells[cell]["connections"]["Q"]), cell.lstrip("$")) for cell in self.registers
        }

    def _memory(self, name: str, cell: Any) -> Memory:
        parameters = cell["parameters"]
        width, depth = int(parameters["WIDTH"], 2), int(parameters["SIZE"], 2)
        text = parameters["INIT"].replace("x", "0")
        text = text.zfill(width * depth)
        words = tuple(int(text[len(text) - (at + 1) * width : len(text) - at * width], 2) for at in range(depth))
        return Memory(name, width, depth, words, int(parameters["WR_PORTS"], 2) > 0)

    # --- signals

    def used_registers(self) -> list[str]:
        """The registers that signals read so far come from."""
        return sorted({cell for cell, _, _ in self._made if cell in self.registers})

    def again(self, given: Given) -> Circuit:
        """The same circuit with other inputs."""
        return Circuit(self.graph, self._module, given)

    def name_as(self, other: Circuit) -> None:
        """What its registers begin with is what those of another begin with, whose cells have the same names."""
        self._aliases = dict(other._aliases)

    def register_of(self, name: str) -> str | None:
        """The register whose first contents are a node of this name."""
        return next((cell for cell, alias in self._aliases.items() if name == f"{alias}@start"), None)

    def before(self, name: str, mask: int) -> list[tuple[int, int]]:
        """The nodes in clock 0 that some bits come from in clock 1, and which of their bits.

        Parameters
        ----------
        name : str
            Of a register's first contents or of a memory's, as nodes have it; all else comes from nothing.
        mask : int
        """
        if (cell := self.register_of(name)) is not None:
            return [(self.register(cell, 1), mask)]
        for cell in self.memories:
            if name == _contents(cell):
                return [(number, (1 << self.graph.width(number)) - 1) for number in self._writes(cell, 0)]
        return []

    def _writes(self, cell: str, clock: int) -> list[int]:
        """What is written into a memory in a clock: of each port its enable, and address and data as far as it is."""
        graph, made, width = self.graph, list[int](), self.memories[cell].width
        parameters, connections = self._cells[cell]["parameters"], self._cells[cell]["connections"]
        bits = int(parameters["ABITS"], 2)
        enables, addresses, given = (self._word(connections[f"WR_{name}"], clock) for name in ("EN", "ADDR", "DATA"))
        for port in range(int(parameters["WR_PORTS"], 2)):
            at = graph.slice(addresses, port * bits, bits)
            enable, word = (graph.slice(each, port * width, width) for each in (enables, given))
            wanted = graph.op("mux", bits, graph.op("any", 1, enable), graph.const(0, bits), at)
            made += [enable, wanted, graph.op("and", width, enable, word)]
        return made

    def register(self, cell: str, clock: int) -> int:
        """The node of a register in a clock."""
        return self._output(cell, "Q", clock)

    def has(self, name: str) -> bool:
        """Whether there is a signal of that name."""
        return name in self._names

    def signal(self, name: str, clock: int) -> int:
        """The node of a named signal in a clock.

        Raises
        ------
        KeyError
            If there is none of that name.
        """
        return self._word(self._names[name]["bits"], clock)

    def _word(self, bits: Sequence[Any], clock: int) -> int:
        graph, parts, at = self.graph, [], 0
        bits = bits or ["0"]  # a word without bits is 0
        while at < len(bits):
            bit = bits[at]
            if isinstance(bit, str):
                parts.append(graph.const(int(bit == "1"), 1))
                at += 1
                continue
            cell, port, place = self._driver[bit]
            length = 1
            while at + length < len(bits) and self._driver.get(bits[at + length]) == (cell, port, place + length):
                length += 1
            parts.append(graph.slice(self._output(cell, port, clock), place, length))
            at += length
            # The highest bit again and again: an extension by the sign.
            repeats = 0
            while at < len(bits) and bits[at] == bits[at - 1]:
                repeats, at = repeats + 1, at + 1
            if repeats:
                parts[-1] = graph.extended(parts[-1], length + repeats, True)
        return graph.concat(parts)

    def _output(self, cell: str, port: str, clock: int) -> int:
        key = (cell, port, clock)
        if key not in self._made:
            # Deep circuits would be deep recursions: what it needs is made first.
            waiting = [key]
            while waiting:
                top = waiting[-1]
                if top in self._made:
                    waiting.pop()
                    continue
                lacking = [need for need in self._needs(*top) if need not in self._made]
                if lacking:
                    waiting += lacking
                else:
                    self._made[top] = self._build(*top)
                    waiting.pop()
        return self._made[key]

    def _needs(self, cell: str, port: str, clock: int) -> list[tuple[str, str, int]]:
        if not cell:
            return []
        connections = self._cells[cell]["connections"]
        kind = self._cells[cell]["type"]
        if kind == "$dff":
            if clock == 0:
                return []
            wanted, clock = [connections["D"]], clock - 1
        elif kind == "$mem_v2":
            wanted = [connections["RD_ADDR"], *([connections["WR_EN"]] if cell in self._known else [])]
        else:
            directions = self._cells[cell]["port_directions"]
            wanted = [bits for name, bits in connections.items() if directions[name] == "input" and name != "CLK"]
        found = {self._driver[bit][:2] for bits in wanted for bit in bits if not isinstance(bit, str)}
        return [(name, port, clock) for name, port in sorted(found)]

    def _build(self, cell: str, port: str, clock: int) -> int:
        graph = self.graph
        if not cell:
            given, width = self._given(port, clock), self.inputs[port]
            if isinstance(given, Word):
                return given.to(width)
            return graph.const(given, width) if isinstance(given, int) else graph.input(given, width)
        made = self._cells[cell]
        kind, connections, parameters = made["type"], made["connections"], made["parameters"]

        def word(name: str) -> int:
            return self._word(connections[name], clock)

        def operand(name: str, width: int) -> int:
            return graph.extended(word(name), width, signs)

        if kind == "$dff":
            if clock == 0:
                return graph.input(f"{self._aliases[cell]}@start", self.registers[cell])
            return self._word(connections["D"], clock - 1)
        if kind == "$mem_v2":
            return self._read(cell, clock)
        if "Y" not in connections:
            raise ValueError(f"{cell} is a {kind}, which is no operation on words")
        width = len(connections["Y"])
        # Operands count as signed only if all are.
        signs = all(parameters[name].endswith("1") for name in ("A_SIGNED", "B_SIGNED") if name in parameters)
        if kind in _BINARY:
            return graph.op(_BINARY[kind], width, operand("A", width), operand("B", width))
        if kind == "$xnor":
            return graph.op("not", width, graph.op("xor", width, operand("A", width), operand("B", width)))
        if kind in ("$not", "$pos", "$neg"):
            given = operand("A", width)
            if kind == "$neg":
                return graph.op("sub", width, graph.const(0, width), given)
            return graph.op("not", width, given) if kind == "$not" else given
        if kind in _COMPARE or kind in ("$eq", "$ne"):
            inner = max(len(connections["A"]), len(connections["B"]))
            a, b = (operand(name, inner) for name in "AB")
            if kind in _COMPARE:
                _, swap, invert = _COMPARE[kind]
                bit = graph.op("slt" if signs else "ult", 1, *((b, a) if swap else (a, b)))
            else:
                bit, invert = graph.op("eq", 1, a, b), int(kind == "$ne")
            return graph.extended(graph.op("not", 1, bit) if invert else bit, width, False)
        if kind in ("$reduce_or", "$reduce_bool", "$reduce_and", "$reduce_xor", "$logic_not"):
            op = {"$reduce_and": "all", "$reduce_xor": "parity"}.get(kind, "any")
            bit = graph.op(op, 1, word("A"))
            return graph.extended(graph.op("not", 1, bit) if kind == "$logic_not" else bit, width, False)
        if kind in ("$logic_and", "$logic_or"):
            bits = [graph.op("any", 1, word(name)) for name in "AB"]
            return graph.extended(graph.op(kind[7:], 1, *bits), width, False)
        if kind == "$mux":
            return graph.op("mux", width, word("S"), word("A"), word("B"))
        if kind == "$pmux":
            value, choices, select = word("A"), word("B"), word("S")
            for place in reversed(range(graph.width(select))):
                value = graph.op(
                    "mux", width, graph.slice(select, place, 1), value, graph.slice(choices, place * width, width)
                )
            return value
        if kind == "$bmux":
            words, index = word("A"), word("S")
            level = [graph.slice(words, place * width, width) for place in range(1 << graph.width(index))]
            for place in range(graph.width(index)):
                bit = graph.slice(index, place, 1)
                level = [
                    graph.op("mux", width, bit, low, high) for low, high in zip(level[::2], level[1::2], strict=True)
                ]
            return level[0]
        if kind in ("$shl", "$sshl", "$shr", "$sshr") or (
            kind in ("$shift", "$shiftx") and parameters["B_SIGNED"].endswith("0")
        ):
            inner = max(width, len(connections["A"]))
            signed = parameters["A_SIGNED"].endswith("1")
            given, by = graph.extended(word("A"), inner, signed), word("B")
            arithmetic = kind == "$sshr" and signed
            op = "shl" if kind in ("$shl", "$sshl") else "ashr" if arithmetic else "lshr"
            size = max(inner, graph.width(by))
            shifted = graph.op(op, size, graph.extended(given, size, arithmetic), graph.extended(by, size, False))
            return graph.slice(shifted, 0, width)
        raise ValueError(f"{cell} is a {kind}, which is no operation on words")

    def _read(self, cell: str, clock: int) -> int:
        """The data of all read ports of a memory: of a table, or of a memory of which one row is followed."""
        memory, parameters = self.memories[cell], self._cells[cell]["parameters"]
        graph, bits = self.graph, int(parameters["ABITS"], 2)
        address = self._word(self._cells[cell]["connections"]["RD_ADDR"], clock)
        if cell in self._known:
            if graph.value(self._word(self._cells[cell]["connections"]["WR_EN"], clock)) != 0:
                raise ValueError(f"{cell} is written: its rows do not stay what they are")
            return graph.concat(
                [
                    self.chosen(self._known[cell], graph.slice(address, port * bits, bits), memory.width)
                    for port in range(int(parameters["RD_PORTS"], 2))
                ]
            )
        followed = self._followed.get(cell)
        if followed is None and memory.written:
            if clock:
                raise ValueError(f"{cell} is written: one row of it must be followed")
            ports = [graph.slice(address, port * bits, bits) for port in range(int(parameters["RD_PORTS"], 2))]
            return graph.concat([graph.opaque(_contents(cell), memory.width, at) for at in ports])
        parts = []
        for port in range(int(parameters["RD_PORTS"], 2)):
            at = graph.slice(address, port * bits, bits)
            if followed is None:
                parts.append(graph.table(memory.words, memory.width, at))
                continue
            other = graph.input(f"{cell.lstrip('$')} elsewhere {port}@{clock}", memory.width)
            here = graph.op("eq", 1, at, graph.extended(followed, bits, False))
            parts.append(graph.op("mux", memory.width, here, other, self.content(cell, clock)))
        return graph.concat(parts)

    def chosen(self, rows: Sequence[int], at: int, width: int) -> int:
        """One of some rows; 0 beyond them."""
        value = self.graph.const(0, width)
        for number, row in enumerate(rows):
            here = self.graph.op("eq", 1, at, self.graph.const(number, self.graph.width(at)))
            value = self.graph.op("mux", width, here, value, row)
        return value

    def know(self, cell: str, rows: Sequence[int]) -> None:
        """Of this memory, which is not written, know all rows."""
        self._known[cell] = list(rows)

    def follow(self, cell: str, row: int) -> None:
        """Of this memory, know one row and nothing else: reads elsewhere give anything."""
        self._followed[cell] = row

    def follows(self, cell: str) -> bool:
        """Whether a row of this memory is followed."""
        return cell in self._followed

    def content(self, cell: str, clock: int) -> int:
        """What is in the row of a memory that is followed."""
        key = (cell, "", clock)
        if key not in self._made:
            self._made[key] = self._content(cell, clock)
        return self._made[key]

    def _content(self, cell: str, clock: int) -> int:
        graph, memory = self.graph, self.memories[cell]
        if clock == 0:
            return graph.input(f"{cell.lstrip('$')} row@start", memory.width)
        value = self.content(cell, clock - 1)
        parameters, connections = self._cells[cell]["parameters"], self._cells[cell]["connections"]
        bits, width = int(parameters["ABITS"], 2), memory.width
        enables, addresses, given = (
            self._word(connections[f"WR_{name}"], clock - 1) for name in ("EN", "ADDR", "DATA")
        )
        for port in range(int(parameters["WR_PORTS"], 2)):
            at = graph.slice(addresses, port * bits, bits)
            here = graph.op("eq", 1, at, graph.extended(self._followed[cell], bits, False))
            data, enable = (graph.slice(word, port * width, width) for word in (given, enables))
            # Each bit has its enable.
            mixed = graph.op(
                "or",
                width,
                graph.op("and", width, enable, data),
                graph.op("and", width, graph.op("not", width, enable), value),
            )
            value = graph.op("mux", width, here, value, mixed)
        return value

"""A circuit as words: each signal in each clock, as a function of the inputs and the initial state.

Yosys reads and flattens the circuit. The result has word-level cells (adders, multipliers, multiplexers, registers,
memories). `Circuit` converts them into nodes of a :class:`neuristor.sim.netlists.graph.Graph`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from neuristor.sim.netlists.graph import Graph
from neuristor.sim.netlists.operations import Operation
from neuristor.sim.netlists.words import Word
from neuristor.sim.netlists.yosys import run_yosys

__all__ = ["Circuit", "Memory", "read_circuit", "read_parts", "run_yosys"]


Given = Callable[[str, int], int | str | Word]
"""Value of an input in a clock: a number, the name of a free word, or a word."""


def free(name: str, clock: int) -> str:
    """Name of an input that is free in each clock.

    Parameters
    ----------
    name : str
        Name of the input.
    clock : int
        Number of the clock.

    Returns
    -------
    str
        A name that differs from clock to clock.
    """
    return f"{name}@{clock}"


class Memory(NamedTuple):
    """A memory of the circuit.

    Parameters
    ----------
    name : str
        Name of its cell.
    width : int
        Width of a row, in bits.
    depth : int
        Number of rows.
    words : tuple of int
        Contents after configuration of the FPGA.
    written : bool
        Whether it has a write port.
    """

    name: str
    width: int
    depth: int
    words: tuple[int, ...]
    written: bool


def read_circuit(
    graph: Graph, rtlil: str, top: str = "top", given: Given = free, commands: Sequence[str] = ()
) -> Circuit:
    """Read a circuit from RTLIL text.

    Parameters
    ----------
    graph : Graph
        The graph that its nodes are added to.
    rtlil : str
        RTLIL, as made by ``neuristor.hdl.verilog.to_rtlil``.
    top : str
        Name of the top module.
    given : callable
        Values of the inputs, see `Circuit`.
    commands : sequence of str
        Yosys commands to run before the circuit is flattened.

    Returns
    -------
    Circuit
        The circuit.
    """
    passes = [f"hierarchy -check -top {top}", "proc", *commands, f"hierarchy -check -top {top}"]
    return Circuit(graph, _flat(rtlil, passes)[top], given)


def read_parts(graph: Graph, rtlil: str, names: Sequence[str], given: Given = free) -> list[Circuit]:
    """Read parts of a circuit, each as a circuit of its own.

    Parameters
    ----------
    graph : Graph
        The graph that its nodes are added to.
    rtlil : str
        RTLIL, as made by ``neuristor.hdl.verilog.to_rtlil``.
    names : sequence of str
        Names of the parts' modules.
    given : callable
        Values of the inputs, see `Circuit`.

    Returns
    -------
    list of Circuit
        The parts.
    """
    # Yosys removes the modules that it has flattened into the top module, so there is none.
    passes = ["hierarchy -check -top top", "setattr -mod -unset top top", "delete top", "proc"]
    modules = _flat(rtlil, passes)
    return [Circuit(graph, modules[name], given) for name in names]


def _flat(rtlil: str, passes: Sequence[str]) -> dict[str, Any]:
    """Modules without hierarchy, as in the JSON that Yosys writes."""
    with tempfile.TemporaryDirectory(prefix="neuristor-") as scratch:
        folder = Path(scratch)
        (folder / "circuit.il").write_text(rtlil)
        made = [
            "read_rtlil circuit.il",
            *passes,
            "flatten",
            "opt_expr",
            "memory_collect",
            "memory_nordff",
            "dffunmap",
            "opt_expr",
            "opt_clean",
            "write_json circuit.json",
        ]
        run_yosys(made, folder, "Yosys could not read the circuit")
        modules: dict[str, Any] = json.loads((folder / "circuit.json").read_text())["modules"]
    return modules


def _numbered(name: str) -> tuple[str, int]:
    """A name of Amaranth: as in the source, and the number that makes it unique, or 0."""
    base, _, number = name.partition("$")
    return base, int("0" + "".join(filter(str.isdigit, number)))


def _shortness(name: str) -> tuple[int, str, int]:
    base, number = _numbered(name)
    return len(base), base, number


def _contents(cell: str) -> str:
    """Name of the opaque function that gives the initial contents of a memory."""
    return f"{cell.lstrip('$')} at"


class Circuit:
    """A circuit whose signals become nodes of a graph, by name and clock.

    Inputs are free in each clock unless `given` defines them. The contents of registers and memories in clock 0 are
    free. A ``ValueError`` is raised when a signal is read that depends on a cell that is no operation on words.

    Parameters
    ----------
    graph : Graph
        The graph.
    module : dict
        A flat module, from the JSON that Yosys writes.
    given : callable
        Value of an input, from its name and the clock: a number, the name of a free word, or a word.

    Attributes
    ----------
    inputs, outputs : dict of str to int
        Width of each port, in bits.
    registers : dict of str to int
        Width of each register, in bits, by the name of its cell.
    memories : dict of str to Memory
        Memories, by the name of their cell.
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
        self._check_clocks()
        self._made: dict[tuple[str, str, int], int] = {}
        self._init = self._initial_bits()
        self._configured = False
        self._aliases = self._register_names()
        self._followed: dict[str, int] = {}
        self._known: dict[str, list[int]] = {}

    def _check_clocks(self) -> None:
        """Check that one edge of one clock drives all registers and memories: a clock is one step of the circuit.

        Raises
        ------
        ValueError
            If that is not so.
        """
        edges = set()
        for cell in self._cells.values():
            parameters, connections = cell["parameters"], cell["connections"]
            if cell["type"] == "$dff":
                edges.add((connections["CLK"][0], int(parameters["CLK_POLARITY"], 2)))
            elif cell["type"] == "$mem_v2":
                ports = range(int(parameters["WR_PORTS"], 2))
                enables, polarities = (int(parameters[f"WR_CLK_{name}"], 2) for name in ("ENABLE", "POLARITY"))
                edges |= {
                    (connections["WR_CLK"][port] if enables >> port & 1 else None, polarities >> port & 1)
                    for port in ports
                }
        if len(edges) > 1 or any(not polarity for _, polarity in edges):
            raise ValueError("the circuit must have one clock, and use its rising edge only")

    def _initial_bits(self) -> dict[int, str]:
        """Contents of registers after configuration of the FPGA, by the number of the bit in the netlist."""
        made: dict[int, str] = {}
        for net in self._names.values():
            text = net["attributes"].get("init", "")
            made |= {bit: each for bit, each in zip(net["bits"], reversed(text), strict=False) if each in "01"}
        return made

    def _register_names(self) -> dict[str, str]:
        """Name of each register in the source; of several the shortest, without the number that makes it unique."""
        by_bits: dict[tuple[Any, ...], str] = {}
        for name, net in self._names.items():
            if not net.get("hide_name"):
                key = tuple(net["bits"])
                if key not in by_bits or _shortness(name) < _shortness(by_bits[key]):
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
        """Return the registers that the signals read so far depend on.

        Returns
        -------
        list of str
            Names of their cells, sorted.
        """
        return sorted({cell for cell, _, _ in self._made if cell in self.registers})

    def again(self, given: Given) -> Circuit:
        """Return the same circuit with other inputs.

        Parameters
        ----------
        given : callable
            Values of the inputs.

        Returns
        -------
        Circuit
            A circuit in the same graph.
        """
        return Circuit(self.graph, self._module, given)

    def name_as(self, other: Circuit) -> None:
        """Let the registers have the same initial contents as those of another circuit.

        Parameters
        ----------
        other : Circuit
            A circuit whose cells have the same names.
        """
        self._aliases = dict(other._aliases)

    def name_by_order(self) -> None:
        """Name the registers so that the names do not depend on the other signals around the circuit.

        Amaranth appends a number if another signal has the same name. Registers of one name are numbered in the order
        of these numbers.
        """
        places = sorted((*_numbered(name), name, cell) for cell, name in self._aliases.items())
        count: dict[str, int] = {}
        for base, _, _, cell in places:
            count[base] = count.get(base, 0) + 1
            self._aliases[cell] = f"{base} register {count[base]}"

    def register_of(self, name: str) -> str | None:
        """Return the register whose initial contents are an input node of this name.

        Parameters
        ----------
        name : str
            Name of the input node.

        Returns
        -------
        str or None
            Name of the register's cell; None if there is none.
        """
        return next((cell for cell, alias in self._aliases.items() if name == f"{alias}@start"), None)

    def before(self, name: str, mask: int) -> list[tuple[int, int]]:
        """Return the nodes of clock 0 that determine some state bits in clock 1.

        Parameters
        ----------
        name : str
            Name of the node of the initial contents of a register or memory; any other name depends on nothing.
        mask : int
            Bits of the register.

        Returns
        -------
        list of (int, int)
            Nodes, each with the mask of its bits.
        """
        if (cell := self.register_of(name)) is not None:
            return [(self.register(cell, 1), mask)]
        for cell in self.memories:
            if name == _contents(cell):
                return [(number, (1 << self.graph.width(number)) - 1) for number in self.writes(cell, 0)]
        return []

    def writes(self, cell: str, clock: int) -> list[int]:
        """Return the nodes of what is written into a memory in a clock.

        Parameters
        ----------
        cell : str
            Name of its cell.
        clock : int
            Number of the clock.

        Returns
        -------
        list of int
            For each write port: the enable bits, the address (0 unless enabled) and the enabled data bits.
        """
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

    def configured(self, cell: str) -> int | None:
        """Return the contents of a register after configuration of the FPGA.

        Parameters
        ----------
        cell : str
            Name of its cell.

        Returns
        -------
        int or None
            The contents, unsigned; None if they are not defined.
        """
        bits = [self._init.get(bit) for bit in self._cells[cell]["connections"]["Q"]]
        return None if None in bits else int("".join(str(bit) for bit in reversed(bits)), 2)

    def start_configured(self) -> None:
        """Let the registers have their contents after configuration in clock 0; call it before any signal is read.

        Registers whose contents are not defined stay free, as memories do.
        """
        self._configured = True

    def register(self, cell: str, clock: int) -> int:
        """Return the node of a register in a clock.

        Parameters
        ----------
        cell : str
            Name of its cell.
        clock : int
            Number of the clock.

        Returns
        -------
        int
            The node.
        """
        return self._output(cell, "Q", clock)

    def has(self, name: str) -> bool:
        """Whether the circuit has a signal of this name.

        Parameters
        ----------
        name : str
            The name.

        Returns
        -------
        bool
            True if so.
        """
        return name in self._names

    def bits(self, name: str) -> list[int | str]:
        """Return the bits of a named signal in the netlist, lowest first; signals that share a bit have its number.

        A ``KeyError`` is raised if there is none of this name.

        Parameters
        ----------
        name : str
            Name of the signal.

        Returns
        -------
        list of int or str
            Number of each bit, or ``0``, ``1`` or ``x``.
        """
        return list(self._names[name]["bits"])

    def signal(self, name: str, clock: int) -> int:
        """Return the node of a named signal in a clock. A ``KeyError`` is raised if there is none of this name.

        Parameters
        ----------
        name : str
            Name of the signal.
        clock : int
            Number of the clock.

        Returns
        -------
        int
            The node.
        """
        return self._word(self._names[name]["bits"], clock)

    def _word(self, bits: Sequence[Any], clock: int) -> int:
        """Node of some bits of the netlist, lowest first: constants, and slices of cell outputs."""
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
            # Repetitions of the highest bit are a sign extension.
            repeats = 0
            while at < len(bits) and bits[at] == bits[at - 1]:
                repeats, at = repeats + 1, at + 1
            if repeats:
                parts[-1] = graph.extended(parts[-1], length + repeats, True)
        return graph.concat(parts)

    def _output(self, cell: str, port: str, clock: int) -> int:
        """Node of an output of a cell, or of an input of the circuit if `cell` is empty."""
        key = (cell, port, clock)
        if key not in self._made:
            # Without recursion, which would be too deep for some circuits: make the inputs of a cell first.
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
        """Outputs of cells that must be made before `_build` makes this one."""
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
        """Make the node of an output of a cell, or of an input of the circuit.

        Raises
        ------
        ValueError
            If the cell is no operation on words.
        """
        graph = self.graph
        if not cell:
            given, width = self._given(port, clock), self.inputs[port]
            if isinstance(given, Word):
                return given.to(width)
            return graph.const(given, width) if isinstance(given, int) else graph.input(given, width)
        made = self._cells[cell]
        kind, connections = made["type"], made["connections"]
        if kind == "$dff":
            if clock == 0:
                value = self.configured(cell) if self._configured else None
                if value is not None:
                    return graph.const(value, self.registers[cell])
                return graph.input(f"{self._aliases[cell]}@start", self.registers[cell])
            return self._word(connections["D"], clock - 1)
        if kind == "$mem_v2":
            return self._read(cell, clock)
        found = None
        if "Y" in connections:
            operation = Operation(graph, made, lambda name: self._word(connections[name], clock))
            found = operation.result()
        if found is None:
            raise ValueError(f"{cell} is a {kind}, which is no operation on words")
        return found

    def _read(self, cell: str, clock: int) -> int:
        """Data of all read ports of a memory.

        Raises
        ------
        ValueError
            If the contents are not known in this clock, because the memory is written.
        """
        memory, parameters = self.memories[cell], self._cells[cell]["parameters"]
        graph, bits = self.graph, int(parameters["ABITS"], 2)
        address = self._word(self._cells[cell]["connections"]["RD_ADDR"], clock)
        if cell in self._known:
            if graph.value(self._word(self._cells[cell]["connections"]["WR_EN"], clock)) != 0:
                raise ValueError(f"{cell} is written: its rows do not keep their contents")
            return graph.concat(
                [
                    self.chosen(self._known[cell], graph.slice(address, port * bits, bits), memory.width)
                    for port in range(int(parameters["RD_PORTS"], 2))
                ]
            )
        followed = self._followed.get(cell)
        if followed is None and memory.written:
            if clock:
                raise ValueError(f"{cell} is written: one of its rows must be followed")
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
        """Select one of several rows; 0 beyond the last.

        Parameters
        ----------
        rows : sequence of int
            Nodes of the rows.
        at : int
            Node of the index.
        width : int
            Width of a row, in bits.

        Returns
        -------
        int
            Node of the selected row.
        """
        value = self.graph.const(0, width)
        for number, row in enumerate(rows):
            here = self.graph.op("eq", 1, at, self.graph.const(number, self.graph.width(at)))
            value = self.graph.op("mux", width, here, value, row)
        return value

    def know(self, cell: str, rows: Sequence[int]) -> None:
        """Define the contents of a memory that is not written.

        Parameters
        ----------
        cell : str
            Name of the memory's cell.
        rows : sequence of int
            Nodes of all rows.
        """
        self._known[cell] = list(rows)

    def follow(self, cell: str, row: int) -> None:
        """Model one row of a memory only: reads of other rows give free words.

        Parameters
        ----------
        cell : str
            Name of the memory's cell.
        row : int
            Node of the row's address.
        """
        self._followed[cell] = row

    def follows(self, cell: str) -> bool:
        """Whether one row of a memory is modelled, see `follow`.

        Parameters
        ----------
        cell : str
            Name of the memory's cell.

        Returns
        -------
        bool
            True if so.
        """
        return cell in self._followed

    def content(self, cell: str, clock: int) -> int:
        """Return the contents of the row of a memory that is followed.

        Parameters
        ----------
        cell : str
            Name of the memory's cell.
        clock : int
            Number of the clock.

        Returns
        -------
        int
            The node.
        """
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
            # Each bit has its own enable.
            mixed = graph.op(
                "or",
                width,
                graph.op("and", width, enable, data),
                graph.op("and", width, graph.op("not", width, enable), value),
            )
            value = graph.op("mux", width, here, value, mixed)
        return value

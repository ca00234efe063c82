"""The circuit of an array as words, with opaque lanes, and one symbolic row.

The lanes are cut out of the circuit and replaced by `neuristor.sim.proofs.opaque_lane.OpaqueLane`. One row is modelled,
whose number is symbolic: what is proved of it holds for every row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from neuristor.hdl.array import NeuronArray
from neuristor.hdl.protection import Code
from neuristor.sim.netlists.netlist import read_circuit
from neuristor.sim.netlists.words import Graph, Word
from neuristor.sim.proofs.initial_states import MOST_ROWS
from neuristor.sim.proofs.opaque_lane import OpaqueLane

__all__ = ["SymbolicArray", "Updated"]


class Updated(NamedTuple):
    """Result of the update of a row.

    Parameters
    ----------
    state, spikes, saturated : int
        Nodes with the bits of all lanes; 0 in lanes beyond the last neuron.
    """

    state: int
    spikes: int
    saturated: int


class SymbolicArray:
    """The circuit of an array with opaque lanes, and one row of it, whose number is symbolic.

    Parameters
    ----------
    array : NeuronArray
        The array.
    text : str
        RTLIL of its circuit.
    initial : mapping of str to ndarray of int64, shape (count,), or None
        Initial state of the model, by field. Not used for arrays of more than `MOST_ROWS` rows.
    configured : bool
        Whether clock 0 is the first one after configuration of the FPGA; else it is any clock.
    accessed : bool
        Whether rows of parameters may be written and read through `own`.

    Attributes
    ----------
    row : Word
        Number of the row.
    state, drive : int
        State that the row has in clock 0, and input of the tick for which it was accepted; free words.
    own : int or None
        Parameters of the row's neurons, if they have parameters of their own.
    ports : dict of str to str
        Name of each port in the circuit. Amaranth appends a number if another signal has the same name.

    Raises
    ------
    ValueError
        If a lane has other ports than `neuristor.hdl.lane.Lane`.
    """

    def __init__(
        self,
        array: NeuronArray,
        text: str,
        initial: Mapping[str, Any] | None,
        configured: bool = False,
        accessed: bool = False,
    ) -> None:
        self.array, self._accessed = array, accessed
        small = array.rows <= MOST_ROWS
        self.graph = graph = Graph()
        self.row = Word.of(graph, graph.input("row", max(1, (array.rows - 1).bit_length())), False)
        self.lanes = [OpaqueLane(graph, array, index, initial if small else None) for index in range(array.lanes)]
        self.circuit = read_circuit(graph, text, "top", self._given, ["expose -evert top/c:lane_*"])
        if configured:
            self.circuit.start_configured()
        self.ports = {name.partition("$")[0]: name for name in (*self.circuit.inputs, *self.circuit.outputs)}
        known = {"clk", "rst", *array.pipelines[0].signature.members}
        others = [name for name in self.ports if name.startswith("lane_") and name.split(".")[1] not in known]
        if others:
            raise ValueError(f"the inputs and outputs of the lanes must be their ports, not {', '.join(others)}")
        for lane in self.lanes:
            lane.connect(self.circuit, self.ports)
        for name in self.circuit.memories:
            self.circuit.follow(name, self.row.number)
        self.state = graph.input("expected state", sum(lane.width("state") for lane in self.lanes))
        self.drive = graph.input("expected drive", sum(lane.width("drive") for lane in self.lanes))
        self.own = None if array.parameters is None else self._parameters()

    def _given(self, name: str, clock: int) -> int | str | Word:
        """Inputs of the circuit: outputs of the lanes, and free words."""
        if name.startswith("lane_"):
            place, _, port = name.partition("$")[0].partition(".")
            return self.lanes[int(place.removeprefix("lane_"))].output(port, clock)
        if name in ("tuning", "seed"):
            return name
        if name in ("own__write", "own__read") and not self._accessed:
            return 0  # no parameters are loaded during a tick
        return f"{name}@{clock}"

    @property
    def whose(self) -> str:
        """Of the parameters of a row: empty if they are the model's, else where they come from."""
        return " (those that are loaded)" if self.array.loadable and self.own is not None else ""

    def _parameters(self) -> int:
        """Parameters of the row, as its word in the memory has them; `wrong_rows` compares the words with the model."""
        return self.graph.slice(self.circuit.content("parameter_memory", 0), 0, self._own_width)

    @property
    def _own_width(self) -> int:
        """Bits of the parameters of a row."""
        return sum(lane.lane.parameters.shape().size for lane in self.lanes)

    def corrected(self) -> Word:
        """Whether the lanes have the parameters that were read, with one flipped bit corrected.

        An odd parity tells that one bit is flipped, and the sums that do not match tell which.

        Returns
        -------
        Word
            1 if so, for the word at the memory's port in clock 0.
        """
        graph, code, read = self.graph, Code(self._own_width, "secded"), self.node("port__data", 0)
        odd = graph.op("parity", 1, read)
        sums = [
            graph.op("parity", 1, graph.concat([graph.slice(read, bit, 1) for bit in (code.width + n, *bits)]))
            for n, bits in enumerate(code.summed_bits)
        ]
        flips = []
        for bit in range(code.width):
            place = sum(1 << n for n, bits in enumerate(code.summed_bits) if bit in bits)
            found = graph.op("eq", 1, graph.concat(sums), graph.const(place, len(sums)))
            flips.append(graph.op("and", 1, odd, found))
        own = graph.op("xor", code.width, graph.slice(read, 0, code.width), graph.concat(flips))
        return self.same(self.parameters_read(0), own)

    def known_parameters(self) -> list[Word]:
        """Return what is known of the row's word in the memory of parameters.

        Returns
        -------
        list of Word
            Bits that are 1: its check bits match; and it is the word of the model, for parameters that are not loaded,
            of up to `MOST_ROWS` rows. `wrong_rows` compares the words of any number of rows.
        """
        made = [self.check_bits_match(0)]
        if self.own is not None and not self.array.loadable and self.array.rows <= MOST_ROWS:
            content = self.circuit.content("parameter_memory", 0)
            words = tuple(self._stored_words())
            made.append(self.same(content, self.graph.table(words, self.graph.width(content), self.row.number)))
        return made

    def _stored_words(self) -> list[int]:
        """The parameters of each row with their check bits, as the model has them."""
        widths = [int(lane.lane.parameters.shape().size) for lane in self.lanes]
        code = Code(sum(widths), self.array.protection)
        made = []
        for row in range(self.array.rows):
            word, low = 0, 0
            for index, width in enumerate(widths):
                word |= self._parameter_word(row, index) << low
                low += width
            made.append(code.encode(word))
        return made

    def wrong_rows(self) -> list[int]:
        """Return the rows for which the memory has other parameters than the model, after configuration.

        Returns
        -------
        list of int
            Numbers of the rows, of any number of rows; all of them if the memory can be written, but not loaded.
        """
        memory, words = self.circuit.memories["parameter_memory"], self._stored_words()
        unknown = memory.written and not self.array.loadable
        return [row for row, word in enumerate(words) if unknown or memory.words[row] != word]

    def _parameter_word(self, row: int, index: int) -> int:
        """Parameters of the neuron in a lane of a row, packed as the circuit does."""
        array, shape = self.array, self.array.pipelines[index].parameters.shape()
        assert array.parameters is not None
        neuron, word, low = row * array.lanes + index, 0, 0
        for name in shape.members:
            if neuron < array.params.count:
                value = int(array.params.column(name)[neuron])
            else:
                value = array.parameters[row][index][name]
            width = shape[name].width
            word |= (value & ((1 << width) - 1)) << low
            low += width
        return word

    # --- signals

    def node(self, name: str, clock: int) -> int:
        """Return the node of a signal.

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
        return self.circuit.signal(name, clock)

    def word(self, name: str, clock: int) -> Word:
        """Return a signal as an unsigned word.

        Parameters
        ----------
        name : str
            Name of the signal.
        clock : int
            Number of the clock.

        Returns
        -------
        Word
            The word.
        """
        return Word.of(self.graph, self.node(name, clock), False)

    def written(self, clock: int) -> tuple[Word, Word, int]:
        """What is written into the state memory.

        By its cell: a signal of the port's name may be of another memory.

        Parameters
        ----------
        clock : int
            Number of the clock.

        Returns
        -------
        writes : Word
            Whether a row is written.
        row : Word
            Its number; 0 if none is.
        state : int
            Node of its state; 0 if none is.
        """
        enables, row, state = self.circuit.writes("state_memory", clock)
        writes = Word.of(self.graph, self.graph.op("any", 1, enables), False) == 1
        return writes, Word.of(self.graph, row, False), state

    def same(self, a: int, b: int) -> Word:
        """Compare two nodes.

        Parameters
        ----------
        a, b : int
            Nodes of equal width.

        Returns
        -------
        Word
            1 if they are equal.
        """
        return Word.of(self.graph, self.graph.op("eq", 1, a, b), False)

    def parameters_read(self, clock: int) -> int:
        """Return the parameters at the inputs of all lanes.

        Parameters
        ----------
        clock : int
            Number of the clock.

        Returns
        -------
        int
            The node.
        """
        return self.graph.concat([lane.node("parameters", clock) for lane in self.lanes])

    def check_bits_match(self, clock: int) -> Word:
        """Whether the check bits of the row's parameters in the memory match the parameters.

        Parameters
        ----------
        clock : int
            Number of the clock.

        Returns
        -------
        Word
            1 if they match, or if the memory has no check bits or is not modelled.
        """
        if self.array.protection == "none" or not self.circuit.follows("parameter_memory"):
            return self.row >= 0
        content = self.circuit.content("parameter_memory", clock)
        return self.same(content, self.encoded(self.graph.slice(content, 0, self._own_width)))

    def encoded(self, own: int) -> int:
        """Add the check bits to the parameters of a row.

        Parameters
        ----------
        own : int
            Node of the parameters.

        Returns
        -------
        int
            Node of the word in the memory.
        """
        graph, code = self.graph, Code(self._own_width, self.array.protection)
        if code.protection == "none":
            return own
        sums = [
            graph.op("parity", 1, graph.concat([graph.slice(own, bit, 1) for bit in bits])) for bits in code.summed_bits
        ]
        whole = graph.concat([own, *sums])
        return graph.concat([whole, graph.op("parity", 1, whole)])

    # --- the row

    def initial(self) -> int:
        """Return the initial state of the row's neurons."""
        graph, parts = self.graph, []
        for index, lane in enumerate(self.lanes):
            count = (self.row + 1).to(lane.loads_width)
            word = lane.initial(count, graph.const(lane.lane.clear_clocks, lane.age_width))
            parts.append(self._if_exists(index, word))
        return graph.concat(parts)

    def _if_exists(self, index: int, number: int) -> int:
        """A word of a lane; 0 if the lane has no neuron in the row."""
        array, width = self.array, self.graph.width(number)
        if (array.rows - 1) * array.lanes + index < array.params.count:
            exists = self.row >= 0
        else:
            exists = self.row != array.rows - 1
        return self.graph.op("mux", width, exists.number, self.graph.const(0, width), number)

    def lane_inputs(self, index: int, state: int, drive: int) -> int:
        """Return the inputs of a lane for the row.

        Parameters
        ----------
        index : int
            Number of the lane.
        state, drive : int
            Nodes of state and input of the row.

        Returns
        -------
        int
            Node of state, drive and parameters of the lane's neuron, concatenated.
        """
        graph, lane = self.graph, self.lanes[index]
        rows = [("state", state), ("drive", drive)] + ([] if self.own is None else [("parameters", self.own)])
        return graph.concat([graph.slice(row, index * lane.width(name), lane.width(name)) for name, row in rows])

    def updated(self) -> Updated:
        """Return state, spikes and saturations of the row after the tick."""
        graph = self.graph
        states: list[int] = []
        spikes: list[int] = []
        saturated: list[int] = []
        for index, lane in enumerate(self.lanes):
            result, size = lane.step(self.lane_inputs(index, self.state, self.drive)), lane.size
            for parts, low, width in ((states, 0, size), (spikes, size, 1), (saturated, size + 1, 1)):
                parts.append(self._if_exists(index, graph.slice(result, low, width)))
        return Updated(graph.concat(states), graph.concat(spikes), graph.concat(saturated))

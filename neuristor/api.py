"""The Python interface: from a device to a verified circuit in a few lines, with arrays in SI units.

>>> import neuristor as nr
>>> vo2 = nr.circuit("vo2-onn", supply=2.5, series_resistance=20e3, capacitance=100e-12)
>>> neurons = nr.neurons(vo2, count=4)
>>> run = nr.run(neurons, ticks=2000)
>>> nr.verify(neurons, ticks=50).equal
True

What these functions return shows itself as a table, in a terminal and in a notebook. Bad input raises `DesignError`, a
ValueError, with the sentence that the command line prints. The command line is built on these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, singledispatch
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor import accuracy
from neuristor.design_file import Design, DesignError, Source, circuit_of, device_of, load
from neuristor.golden_model.devices.catalogue import catalogue
from neuristor.golden_model.devices.device import PulsedDevice
from neuristor.golden_model.devices.threshold_switch import Circuit as SwitchCircuit
from neuristor.golden_model.networks.onn import OnnBitTrue, spins
from neuristor.golden_model.networks.quantization import read_out
from neuristor.golden_model.networks.snn import SnnBitTrue
from neuristor.golden_model.neurons.model import spike_times
from neuristor.hdl.neurons import Neuron, neuron
from neuristor.hdl.neurons import neurons as all_neurons
from neuristor.network_file import NetworkFile, open_network
from neuristor.report import error_rows
from neuristor.show import describe
from neuristor.sim.benches import onn, snn
from neuristor.sim.benches.verify import Verdict, available, missing
from neuristor.sim.engines.simulators import CocotbResult, ToolError
from neuristor.steps import Simulation, claims_of, judge, proved, simulate
from neuristor.stimulus import from_array
from neuristor.tables import Table, Tabular, si
from neuristor.toml_file import where
from neuristor.weights_file import Oscillators, open_weights

__all__ = [
    "Circuit",
    "Comparison",
    "Device",
    "NetworkRun",
    "Proof",
    "Run",
    "Verification",
    "circuit",
    "compare",
    "design",
    "device",
    "devices",
    "network",
    "neurons",
    "oscillators",
    "prove",
    "run",
    "verify",
    "verilog",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MOST_TICKS = 1_000_000


@dataclass(frozen=True, eq=False, repr=False)
class Device(Tabular):
    """An oxide device.

    Parameters
    ----------
    name : str
        Of the preset; its kind, for a device of one's own.
    section : dict
        The section ``[device]`` of a design file.
    physics : object
        Its model, of a class in ``neuristor.golden_model.devices``, with ``iv`` and ``transient``.
    """

    name: str
    section: dict[str, Any]
    physics: Any

    @property
    def table(self) -> Table:
        """Its numbers, each with unit and source."""
        own = {key: value for key, value in self.section.items() if key not in ("preset", "kind")}
        listed = describe(self.name) if "preset" in self.section else [("model", self.name)]
        return Table(self.name, (), [*listed, *((key, f"{value:g} (given)") for key, value in own.items())])


@dataclass(frozen=True, eq=False, repr=False)
class Circuit(Tabular):
    """A device in its circuit.

    Parameters
    ----------
    device : Device
    section : dict
        The section ``[circuit]`` of a design file: values in SI units.
    physics : object
        The circuit with the two-state switch closest to the device.
    """

    device: Device
    section: dict[str, Any]
    physics: Any

    @property
    def table(self) -> Table:
        """Its elements, and what it does without input."""
        rows = [("device", self.device.name)]
        rows += [(key, f"{value:g}") for key, value in self.section.items()]
        if isinstance(self.physics, SwitchCircuit):
            switch, low, high = self.physics.device, *self.physics.firing_currents
            rows = [
                ("device", self.device.name),
                ("V_th, V_hold", f"{si(switch.v_th, 'V')}, {si(switch.v_hold, 'V')}"),
                ("R_ins, R_met", f"{si(switch.r_ins, 'ohm')}, {si(switch.r_met, 'ohm')}"),
                ("supply", si(self.physics.supply, "V")),
                ("series resistance", si(self.physics.series_resistance, "ohm")),
                ("capacitance", si(self.physics.capacitance, "F")),
                ("without input", self.physics.regime()),
                ("fires repeatedly", f"from {si(low, 'A')} to {si(high, 'A')}"),
            ]
        return Table("circuit", (), rows)


def devices() -> Table:
    """The catalogue of published devices."""
    rows = []
    for entry in catalogue().values():
        state = "verified" if entry.verified else "unverified"
        if entry.missing:
            state = f"incomplete: no {', '.join(entry.missing)}"
        volts = [si(entry.numbers[key].value, "V") if key in entry.numbers else "" for key in ("v_th", "v_hold")]
        if not entry.missing and not isinstance(entry.device, PulsedDevice):
            switch = entry.device.switch()
            volts = [si(switch.v_th, "V"), si(switch.v_hold, "V")]
        rows.append((entry.name, entry.title, entry.kind, ", ".join(entry.classes), *volts, state))
    return Table("", ("name", "device", "kind", "makes", "V_th", "V_hold", "numbers"), rows)


def device(name: str | Mapping[str, Any] | None = None, /, *, kind: str | None = None, **numbers: float) -> Device:
    """A device of the catalogue, or of one's own.

    Parameters
    ----------
    name : str or mapping, optional
        A name of `devices`, or the section ``[device]`` of a design file.
    kind : str, optional
        Without a name: ``threshold_switch`` (the default), ``thermal_vo2``, ``mott``, ``diffusive`` ...
    **numbers
        In SI units, such as ``v_th=1.2``; they replace those of the catalogue.

    Raises
    ------
    DesignError
        If there is no such device, a number is missing or out of range.

    Examples
    --------
    >>> device("vo2-onn").physics.v_th
    1.5
    >>> device(r_ins=100e3, r_met=1e3, v_th=2.0, v_hold=1.0).name
    'threshold_switch'
    """
    section = dict(name) if isinstance(name, Mapping) else {} if name is None else {"preset": name}
    section |= ({} if kind is None else {"kind": kind}) | numbers
    physics = device_of(Path("device"), section)
    return Device(section.get("preset", physics.kind), section, physics)


def circuit(device: str | Mapping[str, Any] | Device, /, **values: float) -> Circuit:
    """A device in its circuit.

    Parameters
    ----------
    device : str, mapping or Device
        What :func:`device` takes, or gives.
    **values
        In SI units: `supply` in volt, `series_resistance` in ohm, `capacitance` in farad; for a device that is driven
        by pulses `pulse_period` in second and `pulse_voltage` in volt; for two-channel neuristors their own.

    Raises
    ------
    DesignError
        If an element is missing, unknown or out of range.

    Examples
    --------
    >>> circuit("vo2-onn", supply=2.5, series_resistance=20e3, capacitance=100e-12).physics.regime()
    'oscillates'
    """
    made = device if isinstance(device, Device) else _device(device)
    section = dict(values)
    fitting = [each for each in _made_of_devices() if set(section) <= each.model.circuit_keys]
    chosen = (fitting or _made_of_devices())[0].model
    return Circuit(made, section, circuit_of(Path("circuit"), section, made.physics, chosen))


_device = device


def _made_of_devices() -> list[Neuron]:
    return [each for each in all_neurons() if each.model.circuit is not None]


def neurons(
    circuit: Circuit | None = None,
    /,
    *,
    model: str | None = None,
    count: int = 1,
    dt: float | None = None,
    name: str = "neurons",
    variability: Mapping[str, float] | None = None,
    number: Mapping[str, Any] | None = None,
    lanes: int = 1,
    interval: int = 1,
    protection: str = "none",
    **options: Any,
) -> Design:
    """An array of neurons.

    Parameters
    ----------
    circuit : Circuit, optional
        What each of them is made of; None for a model without a device.
    model : str, optional
        The neuron model. By default what the circuit does: ``lif`` if it is silent without input,
        ``relaxation_oscillator`` if it oscillates.
    count : int
        Neurons, 1 to 65,536.
    dt : float, optional
        Time step (tick), in second; by default what the model proposes for the circuit.
    name : str
        Of the Verilog module.
    variability : mapping, optional
        The section ``[variability]``: spread, broken devices, seed.
    number : mapping, optional
        The section ``[number]``: word lengths.
    lanes : int
        Neurons updated side by side, 1 to `count`.
    interval : int
        Clocks between two neurons of a lane, over which their products share multipliers.
    protection : {"none", "parity", "secded"}
        Check bits of the memory of per-neuron parameters.
    **options
        Keys of the model in the section ``[neuron]``, such as ``coupling="resistive"``.

    Returns
    -------
    Design
        Without input: :func:`run`, :func:`compare` and :func:`verify` take it.

    Raises
    ------
    DesignError
        If the circuit cannot be such a neuron, or a value is out of range.

    Examples
    --------
    >>> vo2 = circuit("vo2-onn", supply=2.5, series_resistance=20e3, capacitance=100e-12)
    >>> neurons(vo2, count=64, lanes=4).neuron.name
    'relaxation_oscillator'
    """
    chosen = _model_for(circuit, name) if model is None else model
    if dt is None:
        dt = _proposed_tick(circuit, chosen, name)
    sections: dict[str, Any] = {
        "neuron": {"model": chosen, "count": count, "dt": dt, **options},
        "stimulus": {"source": "none", "ticks": 1},
        "fpga": {"lanes": lanes, "interval": interval, "protection": protection},
        "variability": dict(variability or {}),
        "number": dict(number or {}),
    }
    if circuit is not None:
        sections |= {"device": circuit.device.section, "circuit": circuit.section}
    return load(sections, name=name, later=True)


def _model_for(circuit: Circuit | None, name: str) -> str:
    """The neuron model that a circuit is."""
    if circuit is None:
        raise DesignError(f"{name}: a circuit or a model is needed")
    if not isinstance(circuit.physics, SwitchCircuit):
        return next(each.name for each in _made_of_devices() if isinstance(circuit.physics, each.model.circuit or ()))
    silent = circuit.physics.regime() == "silent"
    fitting = [each for each in _made_of_devices() if each.model.circuit is SwitchCircuit]
    return next(each.name for each in fitting if each.model.excitable == silent)


def _proposed_tick(circuit: Circuit | None, model: str, name: str) -> float:
    with where(Path(name), "neuron"):
        found = neuron(model).model
    if found.suggested_tick is None or circuit is None:
        raise DesignError(f"{name}: dt is needed: the time step (tick) in second")
    with where(Path(name), "circuit"):
        return float(f"{found.suggested_tick(circuit.physics)[0]:.3g}")


def design(source: Source, /, *, name: str = "design", current: ArrayLike | None = None) -> Design:
    """A design file, or what one would hold.

    Parameters
    ----------
    source : str, Path or mapping
        A design file by its path, its text (with a line break), or its sections as a mapping.
    name : str
        What a text or a mapping is called.
    current : array_like of float, shape (), (count,) or (frames, count), optional
        Input currents in ampere, in place of ``[stimulus] source``.

    Raises
    ------
    DesignError
        If anything in it is wrong.
    """
    return load(source, name=name, current=current)


def network(source: Source, /) -> NetworkFile:
    """A spiking network.

    Parameters
    ----------
    source : str, Path or mapping
        A network file by its path, its text (with a line break), or its sections as a mapping.

    Raises
    ------
    DesignError
        If anything in it is wrong.
    """
    return open_network(source)


def oscillators(
    weights: str | Path | ArrayLike, /, *, bits: int = 5, phase_bits: int = 4, noise_bits: int = 0, parts: int = 1
) -> Oscillators:
    """A network of phase oscillators, all coupled to all.

    Parameters
    ----------
    weights : str, Path or array_like of int, shape (count, count)
        A CSV file, or the weights: row i, column j is the weight with which oscillator j acts on oscillator i.
    bits : int
        Bits of a weight, 1 to 8.
    phase_bits : int
        Bits of a phase, 4 to 8.
    noise_bits : int
        Bits of the annealing noise, 0 (none) to 16.
    parts : int
        Clocks that a column of weights takes: 1, 2, 4, 8, 16 or 32.

    Raises
    ------
    DesignError
        If anything is wrong with them.

    Examples
    --------
    >>> oscillators([[0, 1], [1, 0]]).params.count
    2
    """
    return open_weights(weights, bits=bits, phase_bits=phase_bits, noise_bits=noise_bits, parts=parts)


# --- run


@dataclass(frozen=True, eq=False, repr=False)
class Run(Tabular):
    """An array of neurons under an input: what the circuit gives (bit-true), and the float physics beside it.

    Parameters
    ----------
    neurons : Design
    simulation : Simulation
        The traces, as the models give them.
    """

    neurons: Design
    simulation: Simulation

    @cached_property
    def time(self) -> Floats:
        """End of each tick, in second, shape (ticks,)."""
        return np.asarray(self.neurons.params.dt * np.arange(1, len(self.spikes) + 1), dtype=np.float64)

    @cached_property
    def current(self) -> Floats:
        """Input in ampere, shape (ticks, count)."""
        return np.repeat(self.neurons.stimulus.current, self.neurons.stimulus.ticks, axis=0)

    @cached_property
    def spikes(self) -> NDArray[np.bool_]:
        """Which neurons of the circuit fired in which tick, shape (ticks, count)."""
        return self.simulation.bit_true["spike"].astype(bool)

    @cached_property
    def spike_times(self) -> list[Floats]:
        """Spike times of each neuron of the circuit, in second."""
        return spike_times(self.neurons.params, self.simulation.bit_true)

    @property
    def reference_spike_times(self) -> list[Floats]:
        """Spike times of each neuron in the float physics, in second."""
        return self.simulation.times

    @cached_property
    def membrane(self) -> Floats:
        """Membrane potential of the circuit after each tick, in volt, shape (ticks, count)."""
        return np.asarray(self.neurons.params.membrane.value(self.simulation.bit_true["membrane"]))

    @property
    def reference_membrane(self) -> Floats:
        """Membrane potential of the float physics after each tick, in volt, shape (ticks, count)."""
        return np.asarray(self.simulation.continuous["membrane"])

    @property
    def table(self) -> Table:
        """Spikes, and what separates circuit and physics."""
        spikes, dt = self.spikes.sum(axis=0), self.neurons.params.dt
        rate = spikes / (len(self.spikes) * dt)
        shape = f"{len(self.spikes)} ticks of {si(dt, 's')}, {self.spikes.shape[1]} neurons"
        rows = [
            ("spikes", str(int(spikes.sum())), shape),
            ("firing rate", si(float(rate.mean()), "Hz"), f"from {si(rate.min(), 'Hz')} to {si(rate.max(), 'Hz')}"),
            *error_rows(self.simulation),
        ]
        return Table(f"{self.neurons.name}: {self.neurons.neuron.name}", ("what", "value", "meaning"), rows)


@dataclass(frozen=True, eq=False, repr=False)
class NetworkRun(Tabular):
    """A network under its input, bit-true.

    Parameters
    ----------
    title : str
    values : dict of ndarray
        ``spikes``, shape (ticks, runs, outputs), and ``answers``, shape (runs,), of a spiking network; ``phases`` in
        turns, shape (periods, count), and ``spins`` (+1 or -1), shape (count,), of an oscillator network.
    """

    title: str
    values: dict[str, NDArray[Any]]

    def __getattr__(self, name: str) -> NDArray[Any]:
        try:
            return self.__dict__["values"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(f"a run of this network has {', '.join(self.values)}, not {name!r}") from None

    @property
    def table(self) -> Table:
        """The arrays."""
        rows = [(name, str(each.shape), str(each.dtype)) for name, each in self.values.items()]
        return Table(self.title, ("array", "shape", "type"), rows)


def with_input(neurons: Design, current: ArrayLike | None, ticks: int | None) -> Design:
    """A design with another input.

    Parameters
    ----------
    neurons : Design
    current : array_like of float, shape (), (count,) or (frames, count), optional
        In ampere; the design's own when absent.
    ticks : int, optional
        How long each frame is held; the design's own when absent, 1 for currents of every tick.

    Raises
    ------
    DesignError
        If it has another shape, holds what is no finite number, or can make no neuron fire.
    """
    if current is None and ticks is None:
        return neurons
    held = ticks if ticks is not None else neurons.stimulus.ticks
    with where(neurons.path, "stimulus"):
        if not isinstance(held, int) or not 1 <= held <= MOST_TICKS:
            raise ValueError(f"ticks must be an integer between 1 and {MOST_TICKS}, not {held!r}")
        if current is None:
            return replace(neurons, stimulus=replace(neurons.stimulus, ticks=held))
        stimulus = from_array(current, held, neurons.params.count)
        neurons.golden.check_current(neurons.params, stimulus.current)
        made = replace(neurons, stimulus=stimulus)
        made.frames_raw  # noqa: B018  (raises where the drive's word cannot hold a current)
    return made


@singledispatch
def run(what: Any, *_: Any, **__: Any) -> Any:
    """Run neurons or a network: what the circuit will give, bit by bit.

    Parameters
    ----------
    what : Design, NetworkFile or Oscillators
        From :func:`neurons`, :func:`design`, :func:`network` or :func:`oscillators`.
    current : array_like of float, shape (), (count,) or (frames, count), optional
        Of neurons: input in ampere; that of the design when absent.
    ticks : int, optional
        Of neurons: how long each frame of the input is held, in ticks.
    runs : int, optional
        Of a spiking network: how many runs of its data; all by default.
    phases : array_like of float, shape (count,), optional
        Of oscillators: initial phases in turns, 0 to 1; random by default.
    periods : int
        Of oscillators: how long, 20 by default.
    seed : int
        Of oscillators: of the random phases, 0 by default.

    Returns
    -------
    Run or NetworkRun

    Raises
    ------
    TypeError
        If it is none of these.
    DesignError
        If the input is wrong.
    """
    raise TypeError(f"what must be neurons or a network, not {type(what).__name__}")


@run.register
def _(what: Design, current: ArrayLike | None = None, *, ticks: int | None = None) -> Run:
    given = with_input(what, current, ticks)
    return Run(given, simulate(given))


@run.register
def _(what: NetworkFile, *, runs: int | None = None) -> NetworkRun:
    params = what.fitted
    words = what.input_words(params)[:, :runs]
    fires = params.layers[-1].fires
    last = SnnBitTrue(params, words.shape[1]).run(words, keep=not fires)[-1]
    values: dict[str, NDArray[Any]] = {
        "spikes": last["spike"],
        "answers": read_out(last["spike"], None if fires else last["membrane"]),
    }
    return NetworkRun(f"{what.path.name}: {words.shape[1]} runs of {len(words)} ticks", values)


@run.register
def _(what: Oscillators, *, phases: ArrayLike | None = None, periods: int = 20, seed: int = 0) -> NetworkRun:
    params = what.params
    period = params.raw.period
    if phases is None:
        begin = np.random.default_rng(seed).integers(0, period, params.count)
    else:
        begin = np.round(np.asarray(phases, dtype=np.float64) * period).astype(np.int64) % period
    model, seen = OnnBitTrue(params, begin), []
    for _ in range(periods):
        for _ in range(period):
            model.step(0)
        seen.append(model.phase[0] / period)
    values = {"phases": np.array(seen), "spins": spins(model.phase[0], params.phase_bits)}
    return NetworkRun(f"{params.count} oscillators, {periods} periods", values)


# --- compare


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Tabular):
    """Firing rates of circuit and physics over a sweep of inputs, the error split by its cause.

    Parameters
    ----------
    neurons : Design
    result : accuracy.Result
        The arrays: ``result.measured.current`` in ampere, ``.rate`` in hertz, ``.time_step``, ``.coefficient``,
        ``.word`` and ``.total`` as fractions.
    """

    neurons: Design
    result: accuracy.Result

    @property
    def worst(self) -> float:
        """The largest relative error of the rate."""
        return self.result.measured.worst

    @property
    def table(self) -> Table:
        """A row an input."""
        return Table("rate, by cause of its error", accuracy.COLUMNS, accuracy.rows(self.result))


def _quiet(_: str) -> None:
    """Ignore what is said of the progress."""


def compare(
    neurons: Design,
    /,
    *,
    target: float | None = None,
    points: int = 12,
    progress: Callable[[str], None] = _quiet,
) -> Comparison:
    """Compare the fixed-point neuron with the float physics over a sweep of inputs.

    Parameters
    ----------
    neurons : Design
    target : float, optional
        Largest relative error of the rate: look for the smallest words that keep it (``result.words``).
    points : int
        Input currents of the sweep, at least 2.
    progress : callable
        Called with a line of text at each step.

    Raises
    ------
    DesignError
        If the neuron fires nowhere in the sweep, or no words keep the target.
    """
    try:
        return Comparison(neurons, accuracy.accuracy(neurons, target=target, points=points, say=progress))
    except ValueError as error:
        said = str(error)
        raise DesignError(said if said.startswith(str(neurons.path)) else f"{neurons.path}: {said}") from None


# --- Verilog, verify, prove


def verilog(what: Design | NetworkFile | Oscillators, /) -> str:
    """The circuit as Verilog; the same design gives the same bytes.

    Parameters
    ----------
    what : Design, NetworkFile or Oscillators

    Examples
    --------
    >>> text = verilog(oscillators([[0, 1], [1, 0]]))
    >>> text.splitlines()[-1]
    'endmodule'
    """
    return what.case.verilog if isinstance(what, Design) else what.verilog


@dataclass(frozen=True, eq=False, repr=False)
class Verification(Tabular):
    """What simulators found of a circuit.

    Parameters
    ----------
    name : str
        Of the circuit.
    verdicts : tuple of Verdict
        One a simulator.
    """

    name: str
    verdicts: tuple[Verdict, ...]

    @property
    def equal(self) -> bool:
        """Whether every simulator found the circuit equal to the bit-true model, in every state bit at every tick."""
        return all(each.equal for each in self.verdicts)

    def __bool__(self) -> bool:
        return self.equal

    @property
    def table(self) -> Table:
        """A row a simulator."""
        rows = [
            (
                each.engine,
                "equal in every state bit" if each.equal else f"DIFFERS: {each.reason}",
                str(each.ticks),
                str(each.tests),
                str(each.cycles or ""),
            )
            for each in self.verdicts
        ]
        return Table(f"{self.name}: circuit against model", ("simulator", "result", "ticks", "tests", "clocks"), rows)


def engine_for(simulator: str | None, known: Sequence[str]) -> str:
    """The simulator to use.

    Parameters
    ----------
    simulator : str, optional
        The one wanted; the first that is installed when absent.
    known : sequence of str
        Those that are possible, the best first.

    Raises
    ------
    DesignError
        If it is none of them.
    ToolError
        If it is not installed.
    """
    if simulator is None:
        found = next((each for each in known if available(each)), None)
        if found is None:
            raise ToolError(missing(known[0]) or f"{known[0]} is not installed")
        return found
    if simulator not in known:
        raise DesignError(f"--simulator must be {' or '.join(known)}, not {simulator!r}")
    lack = missing(simulator)
    if lack is not None:
        raise ToolError(lack)
    return simulator


def _verdict(engine: str, result: CocotbResult, ticks: int) -> Verdict:
    reason = "" if result.passed else "; ".join(result.messages) or "no test ran"
    return Verdict(engine, result.passed, ticks, result.tests, None, reason)


@singledispatch
def verify(what: Any, *_: Any, **__: Any) -> Verification:
    """Compare the circuit with the bit-true model: every state bit, at every tick, under stalls and after resets.

    Parameters
    ----------
    what : Design, NetworkFile or Oscillators
    current : array_like of float, shape (), (count,) or (frames, count), optional
        Of neurons: input in ampere; that of the design when absent.
    ticks : int, optional
        How long each frame is held; of oscillators the ticks compared, 200 by default.
    runs : int
        Of a spiking network: runs compared, 10 by default.
    seed : int
        Of oscillators: of the initial phases, 0 by default.
    simulator : str, optional
        ``verilator``, ``icarus``, ``compiled`` or ``amaranth``; the first that is installed when absent. Networks have
        the first two.

    Returns
    -------
    Verification
        True if the circuit equals the model.

    Raises
    ------
    TypeError
        If it is none of these.
    ToolError
        If the simulator is not installed.
    DesignError
        If the input is wrong, or there is no such simulator.
    """
    raise TypeError(f"what must be neurons or a network, not {type(what).__name__}")


@verify.register
def _(
    what: Design, current: ArrayLike | None = None, *, ticks: int | None = None, simulator: str | None = None
) -> Verification:
    engine = engine_for(simulator, ("verilator", "compiled", "icarus", "amaranth"))
    given = with_input(what, current, ticks)
    return Verification(given.name, (judge(given.case, engine),))


@verify.register
def _(what: NetworkFile, *, runs: int = 10, simulator: str | None = None) -> Verification:
    engine = engine_for(simulator, ("verilator", "icarus"))
    case = what.case(runs)
    return Verification("snn", (_verdict(engine, snn.verify(case, engine), len(case.inputs)),))


@verify.register
def _(what: Oscillators, *, ticks: int = 200, seed: int = 0, simulator: str | None = None) -> Verification:
    engine = engine_for(simulator, ("verilator", "icarus"))
    what.circuit()  # its parts are checked before anything is built
    return Verification("onn", (_verdict(engine, onn.verify(what.case(ticks, seed), engine), ticks),))


@dataclass(frozen=True, eq=False, repr=False)
class Proof(Tabular):
    """What a solver says of a circuit, for all states, inputs and parameters.

    Parameters
    ----------
    name : str
        Of the circuit.
    claims : tuple of Claim
        What was to be proved, and what came of each.
    """

    name: str
    claims: tuple[Any, ...] = field(default=())

    @property
    def proved(self) -> bool | None:
        """Whether all that was tried is proved; None if the solver gave up on something, and nothing is false."""
        return proved(self.claims)

    def __bool__(self) -> bool:
        return self.proved is True

    @property
    def table(self) -> Table:
        """A row a claim."""
        rows = [(each.subject, each.text, each.result) for each in self.claims]
        return Table(f"{self.name}: circuit equals model", ("of", "claim", "result"), rows)


def prove(neurons: Design, /, *, loadable: bool = False) -> Proof:
    """Prove that the circuit equals the bit-true model, for all states, inputs and parameters.

    Parameters
    ----------
    neurons : Design
    loadable : bool
        The circuit whose parameters are loaded at run time.
    """
    return Proof(neurons.name, tuple(claims_of(neurons, loadable)))

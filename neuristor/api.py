"""The Python interface: from a device to a verified circuit in a few lines, with arrays in SI units.

>>> import neuristor as nr
>>> vo2 = nr.circuit("vo2-onn", supply=2.5, series_resistance=20e3, capacitance=100e-12)
>>> neurons = nr.neurons(vo2, count=4)
>>> run = nr.run(neurons, ticks=2000)
>>> nr.verify(neurons, ticks=50).equal
True

Each returned object is shown as a table, in a terminal and in a notebook. Wrong input raises `DesignError`, a
ValueError with the same sentence as on the command line. The command line is built on these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor import accuracy
from neuristor.design_file import Design, DesignError, Source, circuit_of, device_of, load, with_arrays, with_input
from neuristor.dynamics import own_neuron
from neuristor.golden_model.devices.catalogue import catalogue
from neuristor.golden_model.devices.device import PulsedDevice
from neuristor.golden_model.devices.threshold_switch import Circuit as SwitchCircuit
from neuristor.golden_model.equations.file import model_file, shipped_model
from neuristor.golden_model.equations.text import Model
from neuristor.golden_model.networks.onn import OnnBitTrue, spins
from neuristor.golden_model.networks.quantization import read_out
from neuristor.golden_model.networks.snn import SnnBitTrue
from neuristor.hdl.names import check_module_name
from neuristor.hdl.neurons import Neuron, neuron
from neuristor.hdl.neurons import neurons as all_neurons
from neuristor.network_file import NetworkFile, open_network
from neuristor.progress import counting, lines
from neuristor.results import Circuit, Comparison, Device, NetworkRun, Proof, Run, Verification
from neuristor.sections import DeviceSection
from neuristor.sim.benches import onn, snn
from neuristor.sim.benches.verify import Verdict
from neuristor.sim.engines.simulators import CocotbResult
from neuristor.steps import claims_of, engine_for, judge, simulate
from neuristor.tables import Table, si
from neuristor.toml_file import where
from neuristor.weights_file import Oscillators, open_weights

__all__ = [
    "Circuit",
    "Comparison",
    "Device",
    "Model",
    "NetworkRun",
    "Proof",
    "Run",
    "Verification",
    "circuit",
    "compare",
    "design",
    "device",
    "devices",
    "model",
    "network",
    "neurons",
    "oscillators",
    "prove",
    "run",
    "verify",
    "verilog",
]


# --- devices, circuits, neurons, networks


def devices() -> Table:
    """List the catalogue of published devices."""
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
    """Take a device from the catalogue, or describe one by its numbers.

    An unknown device, and a number that is missing or out of range, raise `DesignError`.

    Parameters
    ----------
    name : str or mapping, optional
        A name in the table of `devices`, or the section ``[device]`` of a design file.
    kind : str, optional
        Device model, if `name` is absent: ``threshold_switch`` (default), ``thermal_vo2``, ``mott``, ``diffusive`` or
        ``antiferroelectric``.
    **numbers
        Numbers of the device in SI units, such as ``v_th=1.2``; they replace those of the catalogue.

    Returns
    -------
    Device
        The device.

    Examples
    --------
    >>> device("vo2-onn").physics.v_th
    1.99
    >>> device(r_ins=100e3, r_met=1e3, v_th=2.0, v_hold=1.0).name
    'threshold_switch'
    """
    section = dict(name) if isinstance(name, Mapping) else {} if name is None else {"preset": name}
    section |= ({} if kind is None else {"kind": kind}) | numbers
    physics = device_of(Path("device"), section)
    return Device(section.get("preset", physics.kind), section, physics)


def circuit(device: str | Mapping[str, Any] | Device, /, **values: float) -> Circuit:
    """Put a device into its circuit.

    An element that is missing, unknown or out of range raises `DesignError`.

    Parameters
    ----------
    device : str, mapping or Device
        A device, or the argument `name` of :func:`device`.
    **values
        Elements in SI units: `supply` in volt, `series_resistance` in ohm, `capacitance` in farad. For a device that is
        driven by pulses: `pulse_period` in second and `pulse_voltage` in volt. For a two-channel neuristor: see
        `neuristor keys`.

    Returns
    -------
    Circuit
        The circuit.

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
    model: str | Model | None = None,
    count: int = 1,
    dt: float | None = None,
    name: str = "neurons",
    variability: Mapping[str, float] | None = None,
    number: Mapping[str, Any] | None = None,
    lanes: int = 1,
    interval: int = 1,
    protection: str = "none",
    edges_per_clock: int | None = None,
    devices: Mapping[str, ArrayLike] | None = None,
    edges: Any = None,
    kind: str = "weight",
    directed: bool = False,
    **options: Any,
) -> Design:
    """Make an array of neurons.

    Parameters
    ----------
    circuit : Circuit, optional
        The circuit of each neuron; absent for a model without a device.
    model : str or Model, optional
        Neuron model: a name, the path of a model file, or a model from equations. By default, the one of the circuit:
        ``lif`` if it is silent without input, ``relaxation_oscillator`` if it oscillates.
    count : int
        Number of neurons, 1 to 65,536.
    dt : float, optional
        Time step (tick), in second; by default, that of the equations, or the one that the model suggests.
    name : str
        Name of the Verilog module.
    variability : mapping, optional
        Section ``[variability]`` of a design file: spread, broken devices, seed.
    number : mapping, optional
        Section ``[number]`` of a design file: word lengths.
    lanes : int
        Neurons updated at the same time, 1 to `count`.
    interval : int
        Clocks per neuron of a lane, 1 to 64; in N clocks, N products share one multiplier.
    protection : {"none", "parity", "secded"}
        Check bits of the memory of per-neuron parameters.
    edges_per_clock : int, optional
        Edges summed in a clock, where each has its own value: `lanes` times a power of two; by default `lanes`.
    devices : mapping of str to array_like of float, shape (count,), optional
        Measured devices: parameters of each, by name, in SI units, such as ``{"v_th": [...]}``.
    edges : array_like of float, shape (count, count), or networkx.Graph, optional
        Values of the edges between neurons: a matrix, whose element (i, j) is that with which j acts on i (0 for no
        edge), or a graph whose edges have the attribute ``value``.
    kind : {"resistive", "capacitive", "weight"}
        Kind of `edges`: in ohm, in farad, or in the unit that the model gives.
    directed : bool
        Whether an edge acts in one direction.
    **options
        Keys of the model in the section ``[neuron]``, such as ``coupling="resistive"``.

    Returns
    -------
    Design
        The array, without input: `run`, `compare` and `verify` accept it.

    Raises
    ------
    DesignError
        If neither circuit nor model is given, or the circuit cannot be such a neuron, or a value is out of range.

    Examples
    --------
    >>> vo2 = circuit("vo2-onn", supply=2.5, series_resistance=20e3, capacitance=100e-12)
    >>> neurons(vo2, count=64, lanes=4).neuron.name
    'relaxation_oscillator'
    """
    if model is None:
        if circuit is None:
            raise DesignError(f"{name}: a circuit or a model is needed")
        model = _model_of(circuit)
    if isinstance(model, Model):
        model = model.model_dump_json()
    if dt is None:
        dt = _suggested_tick(circuit, model, name)
    tick = {} if dt is None else {"dt": dt}
    sections: dict[str, Any] = {
        "neuron": {"model": model, "count": count, **tick, **options},
        "stimulus": {"source": "none", "ticks": 1},
        "fpga": {
            "lanes": lanes,
            "interval": interval,
            "protection": protection,
            **({} if edges_per_clock is None else {"edges_per_clock": edges_per_clock}),
        },
        "variability": dict(variability or {}),
        "number": dict(number or {}),
    }
    if circuit is not None:
        sections |= {"device": circuit.device.section, "circuit": circuit.section}
    made = load(sections, name=name, later=True)
    if devices is None and edges is None and edges_per_clock is None:
        return made
    return with_arrays(made, devices, edges, kind, directed)


def model(source: str | Path, /) -> Model:
    """Read a model from equations. Wrong input raises `EquationError`, a ValueError.

    Parameters
    ----------
    source : str or Path
        A model file (.toml), or a name from ``neuristor model list``.

    Returns
    -------
    Model
        The model; `neurons` accepts it. ``Model(...)`` makes one in Python, ``Model.from_brian2(...)`` one from
        equations of Brian2.

    Examples
    --------
    >>> neurons(model=model("vo2_switch"), count=4).params.dt
    8e-08
    """
    path = Path(source)
    return model_file(path) if path.suffix == ".toml" else shipped_model(str(source))


def _model_of(circuit: Circuit) -> str:
    """Choose the neuron model of a circuit."""
    if not isinstance(circuit.physics, SwitchCircuit):
        return next(each.name for each in _made_of_devices() if isinstance(circuit.physics, each.model.circuit or ()))
    silent = circuit.physics.regime() == "silent"
    fitting = [each for each in _made_of_devices() if each.model.circuit is SwitchCircuit]
    return next(each.name for each in fitting if each.model.excitable == silent)


def _suggested_tick(circuit: Circuit | None, model: str, name: str) -> float | None:
    """Take the time step that the model suggests for the circuit, in second; None if the neuron has one of its own.

    Raises
    ------
    DesignError
        If the model suggests none.
    """
    if model.endswith(".toml") or model.startswith("{"):
        return None
    with where(Path(name), "neuron"):
        found = neuron(model).model
    with where(Path(name), "device"):
        own = None if circuit is None else own_neuron(DeviceSection(**circuit.device.section), model)
    if found.own_tick is not None or own is not None:
        return None
    if found.suggested_tick is None or circuit is None:
        raise DesignError(f"{name}: dt is needed: the time step (tick) in second")
    with where(Path(name), "circuit"):
        return float(f"{found.suggested_tick(circuit.physics)[0]:.3g}")


def design(source: Source, /, *, name: str = "design", current: ArrayLike | None = None) -> Design:
    """Read a design file, or a design from a text or a mapping. Wrong input raises `DesignError`.

    Parameters
    ----------
    source : str, Path or mapping
        A design file by its path, its text (with a line break), or its sections as a mapping.
    name : str
        Name of a text or a mapping: for messages and for the Verilog module.
    current : array_like of float, shape (), (count,) or (frames, count), optional
        Input currents in ampere; they replace ``[stimulus] source``.

    Returns
    -------
    Design
        The array and its input.
    """
    return load(source, name=name, current=current)


def network(source: Source, /) -> NetworkFile:
    """Read a spiking network. Wrong input raises `DesignError`.

    Parameters
    ----------
    source : str, Path or mapping
        A network file by its path, its text (with a line break), or its sections as a mapping.

    Returns
    -------
    NetworkFile
        The network and its data.
    """
    return open_network(source)


def oscillators(
    weights: str | Path | ArrayLike, /, *, bits: int = 5, phase_bits: int = 4, noise_bits: int = 0, parts: int = 1
) -> Oscillators:
    """Make a network of phase oscillators, all coupled to all. Wrong input raises `DesignError`.

    Parameters
    ----------
    weights : str, Path or array_like of int, shape (count, count)
        A CSV file, or the weights: row i, column j is the weight with which oscillator j acts on oscillator i.
    bits : int
        Bits of a weight, 1 to 8.
    phase_bits : int
        Bits of a phase, 4 to 8: a period has 2**phase_bits ticks.
    noise_bits : int
        Bits of the annealing noise, 0 (none) to 16.
    parts : int
        Clocks for a column of weights: 1, 2, 4, 8, 16 or 32.

    Returns
    -------
    Oscillators
        The network.

    Examples
    --------
    >>> oscillators([[0, 1], [1, 0]]).params.count
    2
    """
    return open_weights(weights, bits=bits, phase_bits=phase_bits, noise_bits=noise_bits, parts=parts)


# --- run


def _only(kind: str, **options: object) -> None:
    """Refuse options that the kind of circuit does not have.

    Raises
    ------
    TypeError
        If one of them is given.
    """
    for name, value in options.items():
        if value is not None:
            raise TypeError(f"{name} is not an option for {kind}")


@overload
def run(what: Design, current: ArrayLike | None = ..., *, ticks: int | None = ...) -> Run: ...
@overload
def run(what: NetworkFile, *, runs: int | None = ...) -> NetworkRun: ...
@overload
def run(
    what: Oscillators, *, phases: ArrayLike | None = ..., periods: int | None = ..., seed: int | None = ...
) -> NetworkRun: ...
def run(
    what: Design | NetworkFile | Oscillators,
    current: ArrayLike | None = None,
    *,
    ticks: int | None = None,
    runs: int | None = None,
    phases: ArrayLike | None = None,
    periods: int | None = None,
    seed: int | None = None,
) -> Run | NetworkRun:
    """Run neurons or a network with the bit-true model: the output is that of the circuit, bit by bit.

    Wrong input raises `DesignError`.

    Parameters
    ----------
    what : Design, NetworkFile or Oscillators
        Result of :func:`neurons`, :func:`design`, :func:`network` or :func:`oscillators`.
    current : array_like of float, shape (), (count,) or (frames, count), optional
        For neurons: input currents in ampere; those of the design when absent.
    ticks : int, optional
        For neurons: ticks for which each frame is held; as in the design when absent.
    runs : int, optional
        For a spiking network: number of runs, from the first; all by default.
    phases : array_like of float, shape (count,), optional
        For oscillators: initial phases in turns, 0 to 1; random by default.
    periods : int, optional
        For oscillators: duration in periods; 20 by default.
    seed : int, optional
        For oscillators: seed of the random phases; 0 by default.

    Returns
    -------
    Run or NetworkRun
        The traces.

    Raises
    ------
    TypeError
        If `what` is something else, or an option is for another kind of circuit.
    """
    if isinstance(what, Design):
        _only("neurons", runs=runs, phases=phases, periods=periods, seed=seed)
        given = with_input(what, current, ticks)
        return Run(given, simulate(given))
    if isinstance(what, NetworkFile):
        _only("a spiking network", current=current, ticks=ticks, phases=phases, periods=periods, seed=seed)
        return _run_spiking(what, runs)
    if isinstance(what, Oscillators):
        _only("oscillators", current=current, ticks=ticks, runs=runs)
        return _run_oscillators(what, phases, 20 if periods is None else periods, seed or 0)
    raise TypeError(f"what must be neurons or a network, not {type(what).__name__}")


def _run_spiking(what: NetworkFile, runs: int | None) -> NetworkRun:
    params = what.fitted
    words = what.input_words(params)[:, :runs]
    fires = params.layers[-1].fires
    last = SnnBitTrue(params, words.shape[1]).run(words, keep=not fires)[-1]
    values: dict[str, NDArray[Any]] = {
        "spikes": last["spike"],
        "answers": read_out(last["spike"], None if fires else last["membrane"]),
    }
    return NetworkRun(f"{what.path.name}: {words.shape[1]} runs of {len(words)} ticks", values)


def _run_oscillators(what: Oscillators, phases: ArrayLike | None, periods: int, seed: int) -> NetworkRun:
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


def compare(
    neurons: Design,
    /,
    *,
    target: float | None = None,
    points: int = 12,
    low: float | None = None,
    high: float | None = None,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Compare device, float neuron and fixed-point neuron over a sweep of input currents.

    Parameters
    ----------
    neurons : Design
        The array; one neuron of it is compared, without spread.
    target : float, optional
        Largest relative error of the firing rate: also find the smallest words that keep it (``result.words``).
    points : int
        Number of input currents, at least 2.
    low, high : float, optional
        Lowest and highest input current, in ampere; by default those of the array's input. With equal ones, there is
        one point.
    progress : callable, optional
        Called with a line of text at each step; by default, notebooks and terminals show the last one.

    Returns
    -------
    Comparison
        Rates, and the error by its cause.

    Raises
    ------
    DesignError
        If the neuron fires nowhere in the sweep, or no words keep the target.
    """
    try:
        with nullcontext(progress) if progress is not None else lines("compare") as say:
            found = accuracy.accuracy(neurons, target=target, points=points, say=say, low=low, high=high)
        return Comparison(neurons, found)
    except ValueError as error:
        said = str(error)
        raise DesignError(said if said.startswith(str(neurons.path)) else f"{neurons.path}: {said}") from None


# --- Verilog, verify, prove


def verilog(what: Design | NetworkFile | Oscillators, /, name: str | None = None) -> str:
    """Convert the circuit to Verilog; the same design gives the same text.

    Parameters
    ----------
    what : Design, NetworkFile or Oscillators
        Neurons or a network.
    name : str, optional
        Name of the module; that of the file by default. Modules of one FPGA design need different names.

    Returns
    -------
    str
        Verilog.

    Raises
    ------
    ValueError
        If `name` cannot name a module in Verilog and VHDL.

    Examples
    --------
    >>> text = verilog(oscillators([[0, 1], [1, 0]]))
    >>> text.splitlines()[-1]
    '/* verilator lint_restore */'
    """
    if name is None:
        return what.case.verilog if isinstance(what, Design) else what.verilog
    check_module_name(name)
    if isinstance(what, Design):
        return what.case_of(name).verilog
    return what.export(what.circuit(), name)  # type: ignore[arg-type]  # the circuit of the same object


def _verdict(engine: str, result: CocotbResult, ticks: int) -> Verdict:
    reason = "" if result.passed else "; ".join(result.messages) or "no test ran"
    return Verdict(engine, result.passed, ticks, result.tests, None, reason)


@overload
def verify(
    what: Design, current: ArrayLike | None = ..., *, ticks: int | None = ..., simulator: str | None = ...
) -> Verification: ...
@overload
def verify(what: NetworkFile, *, runs: int | None = ..., simulator: str | None = ...) -> Verification: ...
@overload
def verify(
    what: Oscillators, *, ticks: int | None = ..., seed: int | None = ..., simulator: str | None = ...
) -> Verification: ...
def verify(
    what: Design | NetworkFile | Oscillators,
    current: ArrayLike | None = None,
    *,
    ticks: int | None = None,
    runs: int | None = None,
    seed: int | None = None,
    simulator: str | None = None,
) -> Verification:
    """Compare the circuit with the bit-true model: every state bit, at every tick, under stalls and after resets.

    A simulator that is not installed raises `ToolError`; wrong input raises `DesignError`.

    Parameters
    ----------
    what : Design, NetworkFile or Oscillators
        Neurons or a network.
    current : array_like of float, shape (), (count,) or (frames, count), optional
        For neurons: input currents in ampere; those of the design when absent.
    ticks : int, optional
        For neurons: ticks for which each frame is held; as in the design when absent. For oscillators: ticks compared,
        200 by default.
    runs : int, optional
        For a spiking network: number of runs compared, 10 by default.
    seed : int, optional
        For oscillators: seed of the initial phases, 0 by default.
    simulator : str, optional
        ``verilator``, ``compiled``, ``icarus`` or ``amaranth``; networks need ``verilator`` or ``icarus``. By default,
        the first that is installed.

    Returns
    -------
    Verification
        True (as a condition) if the circuit equals the model.

    Raises
    ------
    TypeError
        If `what` is something else, or an option is for another kind of circuit.
    """
    if isinstance(what, Design):
        _only("neurons", runs=runs, seed=seed)
        engine = engine_for(simulator, ("verilator", "compiled", "icarus", "amaranth"))
        given = with_input(what, current, ticks)
        return Verification(given.name, (judge(given.case, engine),))
    if isinstance(what, NetworkFile):
        _only("a spiking network", current=current, ticks=ticks, seed=seed)
        engine = engine_for(simulator, ("verilator", "icarus"))
        case = what.case(10 if runs is None else runs)
        return Verification("snn", (_verdict(engine, snn.verify(case, engine), len(case.inputs)),))
    if isinstance(what, Oscillators):
        _only("oscillators", current=current, runs=runs)
        engine = engine_for(simulator, ("verilator", "icarus"))
        length = 200 if ticks is None else ticks
        return Verification("onn", (_verdict(engine, onn.verify(what.case(length, seed or 0), engine), length),))
    raise TypeError(f"what must be neurons or a network, not {type(what).__name__}")


def prove(neurons: Design, /, *, loadable: bool = False) -> Proof:
    """Prove that the circuit equals the bit-true model, for all states, inputs and parameters.

    Parameters
    ----------
    neurons : Design
        The array.
    loadable : bool
        Prove the circuit whose parameters are loaded at run time.

    Returns
    -------
    Proof
        True (as a condition) if every claim is proved.
    """
    with counting("operations proved") as say:
        return Proof(neurons.name, tuple(claims_of(neurons, loadable, say)))

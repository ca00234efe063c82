"""Results of the Python interface: devices, circuits, runs, comparisons, verifications, proofs; shown as tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor import accuracy, data
from neuristor.design_file import Design
from neuristor.docstrings import unit
from neuristor.golden_model.devices.device import PulsedDevice
from neuristor.golden_model.devices.reduction import Reduction
from neuristor.golden_model.devices.threshold_switch import Circuit as SwitchCircuit
from neuristor.golden_model.networks.order import avalanches, phase_differences, synchronisation
from neuristor.golden_model.neurons.accuracy import MODELS
from neuristor.golden_model.neurons.model import spike_times
from neuristor.ladder import error_rows
from neuristor.output import columns, run_table, write_run
from neuristor.pictures.devices import circuit_picture, device_picture, physics_picture
from neuristor.pictures.evidence import accuracy_picture
from neuristor.pictures.networks import network_pictures
from neuristor.pictures.picture import Picture
from neuristor.pictures.plotted import Plotted
from neuristor.pictures.runs import about, run_pictures
from neuristor.report import switch_rows
from neuristor.show import describe
from neuristor.sim.benches.verify import Verdict
from neuristor.sim.proofs.claims import Claim
from neuristor.steps import Simulation, proved
from neuristor.tables import Table, Tabular, si

__all__ = ["Circuit", "Comparison", "Device", "NetworkRun", "Proof", "Run", "Verification"]

Floats = NDArray[np.float64]


def _given(section: dict[str, Any], kind: type) -> list[tuple[str, str]]:
    """Rows of the numbers of a section, with the units of the class that they are parameters of."""
    return [
        (key, si(value, unit(kind, key)) if isinstance(value, int | float) else str(value))
        for key, value in section.items()
        if key not in ("preset", "kind")
    ]


@dataclass(frozen=True, eq=False, repr=False)
class Device(Tabular, Plotted):
    """An oxide device.

    Parameters
    ----------
    name : str
        Name of the preset; the kind of the device if it is not a preset.
    section : dict
        Its section ``[device]`` of a design file.
    physics : object
        Its model, of a class in ``neuristor.golden_model.devices``, with the methods ``iv`` and ``transient``.
    """

    name: str
    section: dict[str, Any]
    physics: Any

    @property
    def table(self) -> Table:
        """Numbers of the device, each with its unit and its source."""
        listed = describe(self.name) if "preset" in self.section else [("model", self.name)]
        own = [(key, f"{value} (given)") for key, value in _given(self.section, type(self.physics))]
        return Table(self.name, (), [*listed, *own])

    @property
    def pictures(self) -> dict[str, Picture]:
        """``device``: I-V curve, operating window, and the waveform in the circuit of the catalogue.

        Raises
        ------
        ValueError
            If the device has neither an I-V curve nor pulses in the catalogue.
        """
        if self.section.keys() == {"preset"}:
            return {"device": device_picture(self.name)}
        if isinstance(self.physics, PulsedDevice):
            raise ValueError(f"{self.name} is driven by pulses, and has no I-V curve; draw its circuit or a run")
        return {"device": physics_picture(self.physics, self.name)}


@dataclass(frozen=True, eq=False, repr=False)
class Circuit(Tabular, Plotted):
    """A device in its circuit.

    Parameters
    ----------
    device : Device
        The device.
    section : dict
        Its section ``[circuit]`` of a design file: values in SI units.
    physics : object
        The circuit, with the two-state switch closest to the device.
    """

    device: Device
    section: dict[str, Any]
    physics: Any

    @property
    def table(self) -> Table:
        """Elements of the circuit, and its behaviour without input."""
        rows = [("device", self.device.name)]
        if isinstance(self.physics, SwitchCircuit):
            rows += switch_rows(self.physics)
        else:
            rows += _given(self.section, type(self.physics))
        return Table("circuit", (), rows)

    @property
    def pictures(self) -> dict[str, Picture]:
        """``device``: I-V curve, operating point in its window, and firing rate over the input.

        Raises
        ------
        ValueError
            If the circuit is not that of one switch.
        """
        if isinstance(self.physics, SwitchCircuit) and not isinstance(self.device.physics, PulsedDevice):
            return {"device": circuit_picture(self.device.physics, self.physics, self.device.name)}
        raise ValueError("only the circuit of one switch is drawn; draw a run of its neurons instead")


@dataclass(frozen=True, eq=False, repr=False)
class Run(Tabular, Plotted):
    """A run of an array of neurons: the output of the circuit (bit-true), and the float physics for comparison.

    Parameters
    ----------
    neurons : Design
        The array and its input.
    simulation : Simulation
        The traces of the models.
    """

    neurons: Design
    simulation: Simulation

    @cached_property
    def time(self) -> Floats:
        """End of each tick, in second, shape (ticks,)."""
        return np.asarray(self.neurons.params.dt * np.arange(1, len(self.spikes) + 1), dtype=np.float64)

    @cached_property
    def current(self) -> Floats:
        """Input current, in ampere, shape (ticks, count)."""
        return np.repeat(self.neurons.stimulus.current, self.neurons.stimulus.ticks, axis=0)

    @cached_property
    def spikes(self) -> NDArray[np.bool_]:
        """Spikes of the circuit: True in a tick in which the neuron fires, shape (ticks, count)."""
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
        """Membrane potential of the circuit at the end of each tick, in volt, shape (ticks, count)."""
        return np.asarray(self.neurons.params.membrane.value(self.simulation.bit_true[self.neurons.params.observed]))

    @property
    def reference_membrane(self) -> Floats:
        """Membrane potential of the float physics at the end of each tick, in volt, shape (ticks, count)."""
        return np.asarray(self.simulation.continuous[self.neurons.params.observed])

    @cached_property
    def synchronisation(self) -> Floats:
        """Order parameter at the end of each tick, 0 to 1, shape (ticks,); NaN where no neuron has a phase."""
        return synchronisation(self.spike_times, self.time)

    @cached_property
    def phase_differences(self) -> Floats:
        """How far each neuron of the circuit is ahead of neuron 0, in degrees, shape (count,)."""
        return phase_differences(self.spike_times)

    @cached_property
    def pictures(self) -> dict[str, Picture]:
        """``waveforms``, ``phase``, ``spikes``, ``errors``, ``oscillations``, ``devices``, ``input``, ``output``."""
        return {each.name: each for each in run_pictures(self.neurons, self.simulation)}

    def to_pandas(self) -> Any:
        """The run as a table of pandas: a row for each tick and neuron; ``attrs`` has units and origin.

        Returns
        -------
        pandas.DataFrame
            Columns ``time``, ``neuron``, and the quantities of `save`.
        """
        return data.table(run_table(self.neurons, self.simulation), about(self.neurons))

    def to_xarray(self) -> Any:
        """The run as a dataset of xarray, with the dimensions ``time`` and ``neuron``.

        Returns
        -------
        xarray.Dataset
            The quantities of `save`, each with its unit as the attribute ``units``.
        """
        found = columns(self.neurons, self.simulation)
        named = {name: (("time", "neuron"), values, unit_) for name, (values, unit_) in found.items()}
        own = {f"parameter_{name}": (("neuron",), *pair) for name, pair in self.neurons.unequal.items()}
        places = {"time": (self.time, "s"), "neuron": (np.arange(self.spikes.shape[1]), "")}
        return data.dataset({**named, **own}, places, about(self.neurons))

    def avalanches(self, window: float, everywhere: bool = False) -> NDArray[np.int64]:
        """Sizes of the avalanches of spikes of the circuit.

        Parameters
        ----------
        window : float
            Longest time between two spikes that follow each other, in second.
        everywhere : bool
            Whether spikes follow each other at any neurons; by default at the same one and at its neighbours, where
            there are any.

        Returns
        -------
        ndarray of int, shape (avalanches,)
            Number of spikes of each; see ``neuristor.golden_model.networks.order.avalanches``.
        """
        coupling = getattr(self.neurons.params, "coupling", None)
        edges = None if everywhere or coupling is None else coupling.pairs
        return avalanches(self.spike_times, window, edges)

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the run to a file: quantities with their units in .npz or .parquet, spikes in .csv.

        Parameters
        ----------
        path : str or Path
            The file.
        force : bool
            Replace a file of that name.
        """
        write_run(Path(path), self.neurons, self.simulation, force=force)

    @property
    def table(self) -> Table:
        """Spikes, firing rates, and the error of the circuit by its cause."""
        spikes, dt = self.spikes.sum(axis=0), self.neurons.params.dt
        rate = spikes / (len(self.spikes) * dt)
        count = self.spikes.shape[1]
        shape = f"{len(self.spikes)} ticks of {si(dt, 's')}, {count} neuron{'s' if count > 1 else ''}"
        rows = [
            ("spikes", str(int(spikes.sum())), shape),
            ("firing rate", si(float(rate.mean()), "Hz"), f"from {si(rate.min(), 'Hz')} to {si(rate.max(), 'Hz')}"),
            *error_rows(self.simulation),
        ]
        return Table(f"{self.neurons.name}: {self.neurons.neuron.name}", ("what", "value", "meaning"), rows)


@dataclass(frozen=True, eq=False, repr=False)
class NetworkRun(Tabular, Plotted):
    """A bit-true run of a network. Each array is an attribute, such as ``run.spikes``.

    Parameters
    ----------
    title : str
        Heading of the table.
    values : dict of ndarray
        Of a spiking network: ``spikes`` of the last layer, shape (ticks, runs, outputs), and ``answers``, shape
        (runs,). Of an oscillator network: ``phases`` in turns, shape (periods, count), and ``spins``, +1 or -1, shape
        (count,).
    """

    title: str
    values: dict[str, NDArray[Any]]

    def __getattr__(self, name: str) -> NDArray[Any]:
        values: dict[str, NDArray[Any]] = self.__dict__.get("values", {})  # absent while a copy is made
        if name not in values:
            raise AttributeError(f"a run of this network has {', '.join(values)}, not {name!r}")
        return values[name]

    @property
    def table(self) -> Table:
        """Shape and type of each array."""
        rows = [(name, str(each.shape), str(each.dtype)) for name, each in self.values.items()]
        return Table(self.title, ("array", "shape", "type"), rows)

    @property
    def pictures(self) -> dict[str, Picture]:
        """``phases`` of an oscillator network, or ``spikes`` of the last layer of a spiking one, in its first run."""
        return {each.name: each for each in network_pictures(self.title, self.values)}


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Tabular, Plotted):
    """Firing rates of circuit and physics over a sweep of input currents, with the error by its cause.

    Parameters
    ----------
    neurons : Design
        The array.
    result : accuracy.Result
        The arrays: ``result.measured.current`` in ampere, ``.rate`` in hertz, and the relative errors ``.time_step``,
        ``.coefficient``, ``.word`` and ``.total``.
    """

    neurons: Design
    result: accuracy.Result

    @property
    def worst(self) -> float:
        """Largest relative error of the rate."""
        return self.result.measured.worst

    @property
    def table(self) -> Table:
        """One row for each input current."""
        return Table("firing rate, and its error by cause", accuracy.COLUMNS, accuracy.rows(self.result))

    @property
    def pictures(self) -> dict[str, Picture]:
        """``accuracy``: rates, the error by cause, jitter and duty over the input."""
        return {"accuracy": accuracy_picture(self.result, self.neurons)}

    def to_pandas(self) -> Any:
        """The sweep as a table of pandas: a row for each input; errors are fractions.

        Returns
        -------
        pandas.DataFrame
            ``attrs`` has units and origin.
        """
        a, params = self.result.measured, self.neurons.params
        found = {"input": (a.current, params.input_unit)}
        if isinstance(self.result.reduction, Reduction):
            found["rate_device"] = self.result.reduction.device, "Hz"
            found["error_device"] = self.result.reduction.error, ""
        found |= {
            f"rate_{name.replace(' ', '_').replace('-', '_')}": (a.rate[n], "Hz") for n, name in enumerate(MODELS)
        }
        parts = {"time_step": a.time_step, "coefficients": a.coefficient, "word_length": a.word, "all": a.total}
        found |= {f"error_{name}": (values, "") for name, values in parts.items()}
        return data.table(found, about(self.neurons))


@dataclass(frozen=True, eq=False, repr=False)
class Verification(Tabular):
    """Results of the simulators that compared a circuit with its bit-true model.

    Parameters
    ----------
    name : str
        Name of the circuit.
    verdicts : tuple of Verdict
        One for each simulator.
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
        """One row for each simulator."""
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


@dataclass(frozen=True, eq=False, repr=False)
class Proof(Tabular):
    """Results of the solver that proves a circuit equal to its bit-true model.

    Parameters
    ----------
    name : str
        Name of the circuit.
    claims : tuple of Claim
        Each claim with its result.
    """

    name: str
    claims: tuple[Claim, ...]

    @property
    def proved(self) -> bool | None:
        """True if every claim is proved, False if one is false, None if none is false but the solver gave up on one."""
        return proved(self.claims)

    def __bool__(self) -> bool:
        return self.proved is True

    @property
    def table(self) -> Table:
        """One row for each claim."""
        rows = [(each.subject, each.text, each.result) for each in self.claims]
        return Table(f"{self.name}: circuit equals model", ("part", "claim", "result"), rows)

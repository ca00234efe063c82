"""Hodgkin-Huxley neurons: a membrane, and three gates whose rates depend on its voltage.

The equations of 1952, with the modern sign of the voltage::

    C dV/dt = g_Na m**3 h (E_Na - V) + g_K n**4 (E_K - V) + g_L (E_L - V) + I          (1)
    dx/dt   = (x_inf(V) - x) / tau_x(V)                         x in {m, h, n}         (2)
    x_inf   = alpha_x / (alpha_x + beta_x)      tau_x = 1 / (alpha_x + beta_x)         (3)

Equations 1 and 2 are linear in their own variable. Each is solved exactly over a tick in which the other variables are
constant. Membrane and gates are half a tick apart, which makes the method second order (M. Hines)::

    x <- x + (x_inf(V) - x) k_x(V)               k_x = 1 - exp(-dt / tau_x)            (4)
    V <- V + phi(G) (sum of g (E - V) + I) dt / C                                      (5)
    G  = (g_Na m**3 h + g_K n**4 + g_L) dt / C   phi(G) = (1 - exp(-G)) / G

There is no stability limit. ``x_inf`` and ``k_x`` are tables over the range of the membrane word, ``phi`` is a table
over G. All are interpolated linearly. The entries are shifted from the curve by a twelfth of the second difference,
which makes the mean error zero. The order within a tick is the same in the float model, the bit-true model and the
circuit:

1. the gates are updated, with the membrane after the previous tick;
2. the membrane is updated, with the new gates and the input of this tick;
3. a neuron fires if its membrane crosses the spike threshold upwards.

References
----------
A. L. Hodgkin and A. F. Huxley, J. Physiol. 117, 1952: equations 12, 13, 20, 21, 23, 24 (rates) and 26,
table 3 (constants). M. Hines, Int. J. Biomed. Comput. 15, 1984 (gates half a tick apart).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from neuristor.golden_model import noise
from neuristor.golden_model.checks import positive, whole
from neuristor.golden_model.fixed import Format, floor_shift, lookup, round_shift, saturate
from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import (
    BitTrueModel,
    Bound,
    Events,
    Field,
    NeuronParams,
    ReferenceModel,
    firing_window,
    simulated_rate,
)
from neuristor.golden_model.units import si
from neuristor.golden_model.variability import Variability

__all__ = [
    "HodgkinHuxleyBitTrue",
    "HodgkinHuxleyOptions",
    "HodgkinHuxleyParams",
    "HodgkinHuxleyRaw",
    "HodgkinHuxleyReference",
    "alone",
    "bound",
    "check_current",
    "from_circuit",
    "rate",
    "rates",
    "resized",
    "shadow",
    "step",
    "summary",
    "swing",
    "window",
]

Floats = NDArray[np.float64]
SPREAD = ("current_d2d", "current_noise")
"""The spread that the model accepts."""
GATES = ("m", "h", "n")
"""Sodium activation, sodium inactivation and potassium activation."""
ENTRIES = 256
"""Entries of each table."""
OPERAND = 17
"""Fraction bits of a gate and of a table value as factors."""
POWER = 24
"""Fraction bits of products of gates, and of conductances."""
SUBSTEP = 12.5e-6
"""Longest step of the reference in continuous time, in second."""
Q10 = 3.0
"""Factor by which rates grow with 10 K."""
REFERENCE_TEMPERATURE = 279.45
"""Temperature of the rates of 1952, 6.3 degrees Celsius, in kelvin."""


def rates(membrane: ArrayLike) -> Floats:
    """Opening and closing rates of the gates at 6.3 degrees Celsius.

    Parameters
    ----------
    membrane : array_like of float, any shape
        Membrane potential V, in volt.

    Returns
    -------
    ndarray of float, shape (3, 2, ...)
        alpha and beta of m, h and n, in 1/second: equations 12, 13, 20, 21, 23 and 24 of Hodgkin and Huxley 1952, whose
        voltage is -65 mV - V.
    """
    v = 1e3 * np.asarray(membrane, dtype=np.float64)
    return 1e3 * np.array(
        [
            [_linoid(v + 40, 10), 4 * np.exp(-(v + 65) / 18)],
            [0.07 * np.exp(-(v + 65) / 20), 1 / (1 + np.exp(-(v + 35) / 10))],
            [0.1 * _linoid(v + 55, 10), 0.125 * np.exp(-(v + 65) / 80)],
        ]
    )


def _linoid(x: Floats, y: float) -> Floats:
    """``(x / y) / (1 - exp(-x / y))``, continued to 1 at x = 0."""
    ratio = x / y
    near = np.abs(ratio) < 1e-6
    safe = np.where(near, 1.0, ratio)
    return np.where(near, 1 + ratio / 2, safe / -np.expm1(-safe))


class HodgkinHuxleyRaw(NamedTuple):
    """The integers the circuit is built from; all are shared by all neurons of an array.

    Voltages are on the grid of ``params.membrane``. Tables of gates are in the order of `GATES`.
    """

    position: int
    """Bits of the membrane word below those that select a table entry."""
    steady: tuple[tuple[int, ...], ...]
    """x_inf of each gate at each entry, with `OPERAND` fraction bits."""
    steady_slope: tuple[tuple[int, ...], ...]
    """Difference of x_inf to the next entry."""
    relax: tuple[tuple[int, ...], ...]
    """k of each gate at each entry, with `relax_shift` fraction bits."""
    relax_slope: tuple[tuple[int, ...], ...]
    """Difference of k to the next entry."""
    relax_shift: tuple[int, ...]
    """Right shift of difference times k, for each gate."""
    gate_shift: int
    """Bits of a stored gate below those that are multiplied."""
    gate_max: int
    """Highest value of a stored gate."""
    g_na_raw: int
    """Sodium conductance times dt / C, with `g_shift` fraction bits."""
    g_k_raw: int
    """Potassium conductance times dt / C, with `g_shift` fraction bits."""
    g_shift: int
    """Right shift of product of gates times conductance."""
    g_l_raw: int
    """Leak conductance times dt / C, with `POWER` fraction bits."""
    e_na_raw: int
    """Reversal potential of sodium."""
    e_k_raw: int
    """Reversal potential of potassium."""
    e_l_raw: int
    """Reversal potential of the leak."""
    net_shift: int
    """Right shift of the sum of ionic currents, to the grid of the drive."""
    phi: tuple[int, ...]
    """phi at each entry, with `OPERAND` fraction bits."""
    phi_slope: tuple[int, ...]
    """Difference of phi to the next entry."""
    phi_position: int
    """Bits of G below those that select an entry."""
    membrane_shift: int
    """Right shift of phi times the sum of currents, to the grid of the membrane."""
    threshold_raw: int
    """Spike threshold."""
    noise_scale_raw: int
    """Scale of the noise; 0 for none."""
    noise_shift: int
    """Right shift of the product of noise draw and scale."""
    membrane_min: int
    """Lowest value of the membrane word."""
    membrane_max: int
    """Highest value of the membrane word."""


@dataclass(frozen=True, kw_only=True)
class HodgkinHuxleyParams(NeuronParams):
    """An array of Hodgkin-Huxley neurons: constants and word lengths.

    Parameters
    ----------
    count : int
        Neurons in the array, 1 to 65,536.
    dt : float
        Time step (tick), in second.
    membrane : Format
        Word of the membrane, in volt, 10 to 24 bits; its range is that of the tables.
    drive : Format
        Word of the input, in volt per tick; up to 8 fraction bits more than `membrane`.
    coefficient_bits : int
        Significant bits of the largest conductance and of the tables of k, 8 to 18.
    capacitance : float
        Membrane capacitance, in farad, above 0. The defaults are those of 1e-4 cm2 of squid axon: 1 nA is 10 uA/cm2.
    g_na, g_k, g_l : float
        Largest sodium and potassium conductance, and leak conductance, in siemens, above 0.
    e_na, e_k, e_l : float
        Reversal potentials of sodium, potassium and the leak, in volt; e_k < e_l < e_na.
    temperature : float
        Temperature of the gates, in kelvin, above 0: rates grow by a factor of 3 with 10 K.
    threshold : float
        Spike threshold, in volt: an upward crossing is a spike.
    spread : Variability
        `current_d2d`, `current_noise` and `seed`; others must be zero.
    gate_bits : int
        Fraction bits of a stored gate, 17 to 24.

    Raises
    ------
    ValueError, TypeError
        If a value is outside its range; the message names it.
    OverflowError
        If a voltage does not fit `membrane`.
    """

    count: int
    dt: float
    capacitance: float = 100e-12
    g_na: float = 12e-6
    g_k: float = 3.6e-6
    g_l: float = 30e-9
    e_na: float = 0.050
    e_k: float = -0.077
    e_l: float = -0.054387
    temperature: float = REFERENCE_TEMPERATURE
    threshold: float = 0.0
    spread: Variability = Variability()
    membrane: Format = Format(-2, 22)
    drive: Format = Format(-6, 26)
    coefficient_bits: int = 17
    gate_bits: int = 22

    def __post_init__(self) -> None:
        whole("count", self.count, 1, 65_536)
        for name in ("dt", "capacitance", "g_na", "g_k", "g_l", "temperature"):
            positive(name, getattr(self, name))
        self.spread.only("hodgkin_huxley", *SPREAD)
        whole("coefficient_bits", self.coefficient_bits, 8, 18)
        whole("gate_bits", self.gate_bits, OPERAND, 24)
        if self.membrane.width < 10 or self.membrane.width > 24:
            raise ValueError(f"membrane must have 10 to 24 bits, not {self.membrane.width}")
        if self.drive.frac_bits < self.membrane.frac_bits or self.drive.frac_bits > self.membrane.frac_bits + 8:
            raise ValueError(
                f"drive must have {self.membrane.frac_bits} to {self.membrane.frac_bits + 8} fraction bits, "
                f"up to 8 more than membrane, not {self.drive.frac_bits}"
            )
        if not self.e_k < self.e_l < self.e_na:
            raise ValueError(
                f"e_l must be between e_k and e_na ({si(self.e_k, 'V')} and {si(self.e_na, 'V')}), not "
                f"{si(self.e_l, 'V')}"
            )
        for name in ("e_na", "e_k", "e_l", "threshold"):
            value = getattr(self, name)
            if not self.membrane.min <= value <= self.membrane.max:
                raise OverflowError(
                    f"{name} must be in the range of membrane and of the rate tables, "
                    f"{si(self.membrane.min, 'V')} to {si(self.membrane.max, 'V')}, not {si(value, 'V')}"
                )
        largest = (self.g_na + self.g_k + self.g_l) * self.dt / self.capacitance
        if largest > 16:
            limit = 16 * self.capacitance / (self.g_na + self.g_k + self.g_l)
            raise ValueError(f"dt must be at most {si(limit, 's')} for these conductances, not {si(self.dt, 's')}")
        worst = self.table_errors["k"]
        if worst > 2e-3:
            raise ValueError(
                f"dt must be shorter, or the range of membrane smaller: with a tick of {si(self.dt, 's')} and a table "
                f"step of {si(self.membrane.resolution * 2**self._position, 'V')} the interpolated decay errs "
                f"by {worst:.2g}; at most 0.002 is allowed"
            )
        fits = self.spread.current_d2d * 6 + self.spread.current_noise * 4
        self.drive.quantize(self.drive_volts(fits), "current_d2d and current_noise, in the input,", word="drive")
        if self.raw.noise_scale_raw == 0 and self.spread.current_noise:
            raise ValueError(
                f"current_noise is below a step of drive; 0 switches it off, not {si(self.spread.current_noise, 'A')}"
            )
        _ = self.bias_raw  # raises if it does not fit its word

    @property
    def _position(self) -> int:
        return self.membrane.width - (ENTRIES.bit_length() - 1)

    def gate_rates(self, membrane: ArrayLike) -> Floats:
        """Opening and closing rates of the gates at the temperature of the neuron.

        Parameters
        ----------
        membrane : array_like of float, any shape
            Membrane potential, in volt.

        Returns
        -------
        ndarray of float, shape (3, 2, ...)
            As of `rates`, in 1/second.
        """
        return np.asarray(rates(membrane) * Q10 ** ((self.temperature - REFERENCE_TEMPERATURE) / 10))

    def gates(self, membrane: ArrayLike) -> tuple[Floats, Floats]:
        """x_inf and k of the gates: equations 3 and 4.

        Parameters
        ----------
        membrane : array_like of float, any shape
            Membrane potential, in volt.

        Returns
        -------
        x_inf, k : ndarray of float, shape (3, ...)
            Of m, h and n.
        """
        opening, closing = np.moveaxis(self.gate_rates(membrane), 1, 0)
        return opening / (opening + closing), -np.expm1(-self.dt * (opening + closing))

    @cached_property
    def rest(self) -> float:
        """Resting potential, at which a neuron without input stays, in volt; the lowest if there are several."""

        def current(v: float) -> float:
            m, h, n = self.gates(v)[0]
            na, k = self.g_na * m**3 * h, self.g_k * n**4
            return float(na * (self.e_na - v) + k * (self.e_k - v) + self.g_l * (self.e_l - v))

        grid = np.linspace(self.e_k, self.e_na, 400)
        signs = np.array([current(v) for v in grid])
        first = int(np.flatnonzero((signs[:-1] >= 0) & (signs[1:] < 0))[0])
        return float(brentq(current, grid[first], grid[first + 1], xtol=1e-12))

    @cached_property
    def _tables(self) -> tuple[Floats, Floats, Floats]:
        """x_inf, k and phi at the edges of all entries, with the least mean square error of the interpolation."""
        step = 2 * self.membrane.max / ENTRIES
        edges = self.membrane.min + step * np.arange(-1, ENTRIES + 2)
        steady, relax = (np.clip(_spline(each), 0, 1 - 2.0**-OPERAND) for each in self.gates(edges))
        total = 2.0**self._g_int / ENTRIES * np.arange(-1, ENTRIES + 2)
        phi = np.where(total == 0, 1.0, -np.expm1(-total) / np.where(total == 0, 1, total))
        return steady, relax, np.minimum(_spline(phi), 1.0)

    @property
    def _g_int(self) -> int:
        """Integer bits of G."""
        return max(0, math.ceil(math.log2((self.g_na + self.g_k + self.g_l) * self.dt / self.capacitance * 1.001)))

    @cached_property
    def table_errors(self) -> dict[str, float]:
        """Largest absolute error of the interpolation of ``x_inf``, ``k`` and ``phi``, all of which are at most 1."""
        fine = np.linspace(self.membrane.min, -self.membrane.min, 8 * ENTRIES + 1)
        edges = fine[::8]
        found = {}
        for name, exact, table in zip(("x_inf", "k"), self.gates(fine), self._tables[:2], strict=True):
            made = np.array([np.interp(fine, edges, each) for each in table])
            found[name] = float(np.abs(made - exact).max())
        total = np.linspace(0, 2.0**self._g_int, 8 * ENTRIES + 1)[1:]
        phi = -np.expm1(-total) / total
        made = np.interp(total, np.linspace(0, 2.0**self._g_int, ENTRIES + 1), self._tables[2])
        found["phi"] = float(np.abs(made - phi).max())
        return found

    @cached_property
    def raw(self) -> HodgkinHuxleyRaw:
        """The integers the circuit is built from."""
        steady, relax, phi = self._tables
        fraction = self.membrane.frac_bits
        k_shift = [self.coefficient_bits - 1 - math.floor(math.log2(each.max())) for each in relax]
        relax_raw = [np.floor(np.ldexp(each, shift) + 0.5) for each, shift in zip(relax, k_shift, strict=True)]
        # The larger conductance has `coefficient_bits` significant bits; both have the same grid.
        scale = self.dt / self.capacitance
        bits = self.coefficient_bits - 1 - math.floor(math.log2(max(self.g_na, self.g_k) * scale))
        sigma = float(self.drive_volts(self.spread.current_noise)) / self.drive.resolution
        noise_scale, noise_shift = noise.scale_for(sigma)
        return HodgkinHuxleyRaw(
            position=self._position,
            steady=_entries(steady * 2.0**OPERAND),
            steady_slope=_slopes(steady * 2.0**OPERAND),
            relax=_entries(np.array(relax_raw)),
            relax_slope=_slopes(np.array(relax_raw)),
            relax_shift=tuple(k_shift),
            gate_shift=self.gate_bits - OPERAND,
            gate_max=(1 << self.gate_bits) - 1,
            g_na_raw=math.floor(self.g_na * scale * 2**bits + 0.5),
            g_k_raw=math.floor(self.g_k * scale * 2**bits + 0.5),
            g_shift=bits,
            g_l_raw=math.floor(self.g_l * scale * 2**POWER + 0.5),
            e_na_raw=int(self.membrane_words(self.e_na, "e_na")),
            e_k_raw=int(self.membrane_words(self.e_k, "e_k")),
            e_l_raw=int(self.membrane_words(self.e_l, "e_l")),
            net_shift=POWER + fraction - self.drive.frac_bits,
            phi=_entries(phi[None] * 2.0**OPERAND)[0],
            phi_slope=_slopes(phi[None] * 2.0**OPERAND)[0],
            phi_position=POWER + self._g_int - (ENTRIES.bit_length() - 1),
            membrane_shift=OPERAND + self.drive.frac_bits - fraction,
            threshold_raw=int(self.membrane_words(self.threshold, "threshold")),
            noise_scale_raw=noise_scale,
            noise_shift=noise_shift,
            membrane_min=self.membrane.min_raw,
            membrane_max=self.membrane.max_raw,
        )

    @property
    def thresholds(self) -> Floats:
        """Spike threshold of each neuron, in volt, shape (count,)."""
        return np.full(self.count, self.threshold)

    @property
    def holds(self) -> Floats:
        """Resting potential of each neuron, in volt, shape (count,): this model has no reset potential."""
        return np.full(self.count, self.rest)

    @cached_property
    def initial(self) -> dict[str, NDArray[np.int64]]:
        """State after reset without the noise, as raw integers, each of shape (count,): at rest."""
        gates = np.minimum(np.floor(self.gates(self.rest)[0] * 2**self.gate_bits + 0.5), self.raw.gate_max)
        values = {
            "membrane": self.membrane_words(self.rest, "rest"),
            **dict(zip(GATES, gates, strict=True)),
        }
        return {name: np.full(self.count, value, dtype=np.int64) for name, value in values.items()}

    @property
    def state_fields(self) -> tuple[Field, ...]:
        """The state of one neuron, as the block RAM stores it."""
        fields = [Field("membrane", self.membrane.width, True)]
        fields += [Field(gate, self.gate_bits, False) for gate in GATES]
        if self.raw.noise_scale_raw:
            fields.append(Field("noise", 32, False))
        return tuple(fields)

    def drive_volts(self, current: ArrayLike) -> Floats:
        """Change of the membrane by input currents, before rounding.

        Parameters
        ----------
        current : array_like of float, any shape
            Input current, in ampere.

        Returns
        -------
        ndarray of float, same shape
            In volt per tick.
        """
        return np.asarray(np.asarray(current, dtype=np.float64) * self.dt / self.capacitance)


def _spline(values: Floats) -> Floats:
    """Entries whose linear interpolation is closest to a curve; `values` has one more entry at each end."""
    return np.asarray(values[..., 1:-1] - np.diff(values, 2, axis=-1) / 12)


def _entries(table: Floats) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(np.floor(row[:-1] + 0.5).astype(int).tolist()) for row in table)


def _slopes(table: Floats) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(np.diff(np.floor(row + 0.5)).astype(int).tolist()) for row in table)


def _gate(raw: HodgkinHuxleyRaw, which: int, gate: Any, entry: Any, part: Any) -> Any:
    """Equation 4: a gate after a tick."""
    steady = lookup(entry, raw.steady[which]) + round_shift(lookup(entry, raw.steady_slope[which]) * part, raw.position)
    relax = lookup(entry, raw.relax[which]) + round_shift(lookup(entry, raw.relax_slope[which]) * part, raw.position)
    moved = gate + round_shift(((steady << raw.gate_shift) - gate) * relax, raw.relax_shift[which])
    return saturate(moved, 0, raw.gate_max)


def step(
    raw: HodgkinHuxleyRaw, membrane: Any, m: Any, h: Any, n: Any, state: Any, bias_raw: Any, drive_raw: Any
) -> tuple[Any, Any, Any, Any, Any, Any, Any]:
    """One tick of a neuron, on integers, arrays or symbolic values alike.

    Parameters
    ----------
    raw : HodgkinHuxleyRaw
        Integers of the array.
    membrane
        Membrane, on the grid of ``params.membrane``.
    m, h, n
        Gates, with ``params.gate_bits`` fraction bits.
    state
        Noise state.
    bias_raw
        Constant part of the input.
    drive_raw
        Input word.

    Returns
    -------
    membrane, m, h, n, state
        State after the tick.
    spike
        Whether the membrane crosses the spike threshold upwards.
    saturated
        Whether the membrane was clamped to the range of its word.
    """
    above = membrane - raw.membrane_min
    entry = floor_shift(above, raw.position)
    part = above - (entry << raw.position)
    m = _gate(raw, 0, m, entry, part)
    h = _gate(raw, 1, h, entry, part)
    n = _gate(raw, 2, n, entry, part)
    open_m, open_h = floor_shift(m, raw.gate_shift), floor_shift(h, raw.gate_shift)
    open_n = floor_shift(n, raw.gate_shift)
    m2 = round_shift(open_m * open_m, 2 * OPERAND - POWER)
    m3 = round_shift(m2 * open_m, OPERAND)
    n2 = round_shift(open_n * open_n, 2 * OPERAND - POWER)
    sodium = round_shift(round_shift(m3 * open_h, OPERAND) * raw.g_na_raw, raw.g_shift)
    potassium = round_shift(round_shift(n2 * n2, POWER) * raw.g_k_raw, raw.g_shift)
    ions = sodium * (raw.e_na_raw - membrane) + potassium * (raw.e_k_raw - membrane)
    force = drive_raw + bias_raw
    if raw.noise_scale_raw:
        force = force + noise.offset(state, raw.noise_scale_raw, raw.noise_shift)
        state = noise.advance(state)
    net = round_shift(ions + raw.g_l_raw * (raw.e_l_raw - membrane), raw.net_shift) + force
    total = sodium + potassium + raw.g_l_raw
    row = floor_shift(total, raw.phi_position)
    rest = total - (row << raw.phi_position)
    phi = lookup(row, raw.phi) + round_shift(lookup(row, raw.phi_slope) * rest, raw.phi_position)
    moved = membrane + round_shift(net * phi, raw.membrane_shift)
    bounded = saturate(moved, raw.membrane_min, raw.membrane_max)
    spike = (membrane < raw.threshold_raw) & (bounded >= raw.threshold_raw)
    return bounded, m, h, n, state, spike, moved != bounded


class HodgkinHuxleyBitTrue(BitTrueModel):
    """An array of fixed-point Hodgkin-Huxley neurons: the specification of the circuit.

    Parameters
    ----------
    params : HodgkinHuxleyParams
        Parameters of the array.

    Attributes
    ----------
    membrane : ndarray of int64, shape (count,)
        Membrane, on the grid of ``params.membrane``.
    m, h, n : ndarray of int64, shape (count,)
        Gates, with ``params.gate_bits`` fraction bits.
    noise : ndarray of int64, shape (count,)
        Noise states.
    """

    params: HodgkinHuxleyParams
    membrane: NDArray[np.int64]
    m: NDArray[np.int64]
    h: NDArray[np.int64]
    n: NDArray[np.int64]

    tick = staticmethod(step)


class HodgkinHuxleyReference(ReferenceModel):
    """The same array in float64.

    Parameters
    ----------
    params : HodgkinHuxleyParams
        Parameters of the array.
    locate : bool
        True: continuous time, equations 1 and 2 by the fourth-order Runge-Kutta method in steps of at most `SUBSTEP`;
        spikes are located by cubic interpolation. False: equations 4 and 5, on ticks.
    rounded : bool
        Use the tables and the rounded conductances of the circuit; only on ticks.

    Attributes
    ----------
    membrane : ndarray of float, shape (count,)
        Membrane potential, in volt.
    gates : ndarray of float, shape (3, count)
        m, h and n.
    """

    params: HodgkinHuxleyParams

    def _prepare(self) -> None:
        params = self.params
        self.membrane = np.full(params.count, params.rest)
        self.gates = np.repeat(params.gates(params.rest)[0][:, None], params.count, axis=1)

    def _on_ticks(self, drive: Floats) -> Events:
        before = self.membrane
        force = self._disturbed(drive)
        self.membrane, self.gates = one_tick(self.params, before, self.gates, force, rounded=self.rounded)
        return self._at_end((before < self.params.threshold) & (self.membrane >= self.params.threshold))

    def _slope(self, y: Floats, force: Floats) -> Floats:
        """Equations 1 and 2, for membrane and gates stacked: shape (4, count)."""
        params, (v, m, h, n) = self.params, y
        opening, closing = np.moveaxis(params.gate_rates(v), 1, 0)
        sodium, potassium = params.g_na * m**3 * h, params.g_k * n**4
        ions = sodium * (params.e_na - v) + potassium * (params.e_k - v) + params.g_l * (params.e_l - v)
        return np.vstack([ions / params.capacitance + force / params.dt, opening - (opening + closing) * y[1:]])

    def _located(self, drive: Floats) -> Events:
        params, force = self.params, self._disturbed(drive)
        parts = math.ceil(params.dt / SUBSTEP - 1e-9)
        h, y = params.dt / parts, np.vstack([self.membrane, self.gates])
        found: Events = []
        k1 = self._slope(y, force)
        for part in range(parts):
            k2 = self._slope(y + h / 2 * k1, force)
            k3 = self._slope(y + h / 2 * k2, force)
            k4 = self._slope(y + h * k3, force)
            after = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            slope = self._slope(after, force)
            fired = np.flatnonzero((y[0] < params.threshold) & (after[0] >= params.threshold))
            if len(fired):
                start = self.time + part * h
                times = [start + h * self._crossing(y[0, i], after[0, i], h * k1[0, i], h * slope[0, i]) for i in fired]
                found.append((fired, np.array(times)))
            y, k1 = after, slope
        self.membrane, self.gates = y[0], y[1:]
        return found

    def _crossing(self, v0: float, v1: float, d0: float, d1: float) -> float:
        """The fraction of a step after which the threshold is crossed, by the cubic through both ends and slopes."""

        def cubic(s: float) -> float:
            begin = (v0 * (1 + 2 * s) + d0 * s) * (1 - s) ** 2
            end = (v1 * (3 - 2 * s) + d1 * (s - 1)) * s * s
            return float(begin + end) - self.params.threshold

        return float(brentq(cubic, 0, 1, xtol=1e-12)) if cubic(1) > 0 else 1.0


def one_tick(
    params: HodgkinHuxleyParams, membrane: Floats, gates: Floats, force: Floats, *, rounded: bool = False
) -> tuple[Floats, Floats]:
    """One tick in float64: equations 4 and 5.

    Parameters
    ----------
    params : HodgkinHuxleyParams
        Parameters of the array.
    membrane : ndarray of float, shape (n,)
        Membrane potential, in volt.
    gates : ndarray of float, shape (3, n)
        m, h and n.
    force : ndarray of float, shape (n,)
        Input with constant current and noise, in volt per tick.
    rounded : bool
        Use the tables and the rounded conductances of the circuit.

    Returns
    -------
    membrane, gates : ndarray of float
        After the tick, in the same units.
    """
    raw, scale = params.raw, params.dt / params.capacitance
    if rounded:
        edges = params.membrane.min + np.arange(float(ENTRIES)) * params.membrane.resolution * 2**raw.position
        steady = np.array(
            [_interpolated(membrane, edges, raw.steady[i], raw.steady_slope[i], OPERAND) for i in range(3)]
        )
        relax = np.array(
            [_interpolated(membrane, edges, raw.relax[i], raw.relax_slope[i], raw.relax_shift[i]) for i in range(3)]
        )
        g_na, g_k = raw.g_na_raw * 2.0**-raw.g_shift, raw.g_k_raw * 2.0**-raw.g_shift
    else:
        steady, relax = params.gates(membrane)
        g_na, g_k = params.g_na * scale, params.g_k * scale
    m, h, n = gates = gates + (steady - gates) * relax
    sodium, potassium, leak = g_na * m**3 * h, g_k * n**4, params.g_l * scale
    net = sodium * (params.e_na - membrane) + potassium * (params.e_k - membrane) + leak * (params.e_l - membrane)
    total = sodium + potassium + leak
    if rounded:
        edges = np.linspace(0, 2.0**params._g_int, ENTRIES, endpoint=False)
        phi = _interpolated(total, edges, raw.phi, raw.phi_slope, OPERAND)
    else:
        phi = -np.expm1(-total) / total
    return membrane + phi * (net + force), gates


def _interpolated(x: Floats, edges: Floats, entries: tuple[int, ...], slopes: tuple[int, ...], shift: int) -> Floats:
    step = edges[1] - edges[0]
    place = np.clip((x - edges[0]) / step, 0, ENTRIES - 1e-9)
    row = place.astype(int)
    return np.asarray((np.array(entries)[row] + np.array(slopes)[row] * (place - row)) * 2.0**-shift)


def shadow(params: HodgkinHuxleyParams, drive: Floats, trace: dict[str, NDArray[np.int64]]) -> Floats:
    """The float membrane one tick after each bit-true state, to which `bound` refers.

    Parameters
    ----------
    params : HodgkinHuxleyParams
        Parameters of the array.
    drive : ndarray of float, shape (ticks, count)
        Input of each tick, in volt per tick.
    trace : dict of str to ndarray of int64, shape (ticks, count)
        Run of the bit-true model.

    Returns
    -------
    ndarray of float, shape (ticks, count)
        Membrane after each tick, in volt.
    """
    ticks, count = drive.shape
    names = ("membrane", *GATES)
    before = np.array([np.vstack([params.initial[name], trace[name][:-1]]) for name in names]).reshape(4, -1)
    force = drive + params.drive.value(params.bias_raw)
    if params.raw.noise_scale_raw:
        states = noise.states(params.seed, trace["noise"])
        force = force + params.drive.value(noise.offset(states, params.raw.noise_scale_raw, params.raw.noise_shift))
    gates = before[1:] * 2.0**-params.gate_bits
    made, _ = one_tick(params, params.membrane.value(before[0]), gates, force.ravel())
    low, high = params.membrane.min, params.membrane.max
    return np.clip(made, low, high).reshape(ticks, count)


def swing(params: HodgkinHuxleyParams, drive: Floats, membrane: Floats) -> float:
    """Largest voltage that the currents add in a tick of a run, for `bound`.

    Parameters
    ----------
    params : HodgkinHuxleyParams
        Parameters of the array.
    drive : ndarray of float, shape (ticks, count)
        Input of each tick, in volt per tick; not used.
    membrane : ndarray of float, shape (ticks, count)
        Membrane after each tick, in volt.

    Returns
    -------
    float
        In volt.
    """
    before = np.vstack([np.full((1, params.count), params.rest), membrane[:-1]])
    total = 2.0**params._g_int
    # phi is at least (1 - exp(-G)) / G, and the membrane moved by phi times this voltage.
    return float(np.abs(membrane - before).max() * total / -math.expm1(-total))


def bound(params: HodgkinHuxleyParams, swing: float) -> Bound:
    """Largest distance of the bit-true membrane from the float one, after one tick from the same state.

    - The error of a gate: interpolation and rounding of its tables, and its own rounding.
    - The error of a conductance: its largest value times 3 (m), 1 (h) or 4 (n) times the error of the gate, and the
      roundings of the powers.
    - The error of the current: that of the conductance times the largest distance from a reversal potential.
    - The error of the membrane: that of the current, and the error of phi (whose slope is at most 1/2) times `swing`.

    Parameters
    ----------
    params : HodgkinHuxleyParams
        Parameters of the array.
    swing : float
        Largest voltage that the currents add in a tick of the run, in volt.

    Returns
    -------
    Bound
        In volt; its parts are the roundings, the interpolation of the tables, and the rounding of the conductances.
    """
    raw, errors = params.raw, params.table_errors
    scale = params.dt / params.capacitance
    g_na, g_k, g_l = params.g_na * scale, params.g_k * scale, params.g_l * scale
    far = max(params.membrane.max - params.e_k, params.e_na - params.membrane.min)

    def reached(gate: float, power: float, g_error: float, phi: float, last: float) -> float:
        conductances = (g_na + g_k) * (4 * gate + 3 * power) + 2 * g_error
        return conductances * far + swing * (conductances / 2 + phi) + last

    operand, step = 2.0**-OPERAND, params.membrane.resolution
    rounding = reached(
        # table values and interpolation rounded, k rounded, the gate rounded and truncated
        operand + 2.0 ** -min(raw.relax_shift) + 2.0**-params.gate_bits + operand,
        2.0**-POWER,
        2.0**-POWER,
        operand,
        0.5 * step + 2 * params.drive.resolution,
    )
    coefficient = reached(errors["x_inf"] + errors["k"], 0.0, 0.0, errors["phi"], 0.0)
    conductance = 0.5 * 2.0**-raw.g_shift * 2 + 2.0**-POWER
    voltages = (g_na + g_k + g_l) * step + 0.5 * params.drive.resolution
    return Bound(rounding, coefficient, conductance * (far + swing / 2) + voltages)


@dataclass(frozen=True, kw_only=True)
class HodgkinHuxleyOptions:
    """Keys of a design file for Hodgkin-Huxley neurons, besides their number, the tick and the words.

    Parameters
    ----------
    membrane_capacitance : float
        In farad, above 0. The defaults are those of 1e-4 cm2 of squid axon: 1 nA is 10 uA/cm2.
    g_na : float
        Largest sodium conductance in siemens, above 0.
    g_k : float
        Largest potassium conductance in siemens, above 0.
    g_l : float
        Leak conductance in siemens, above 0.
    e_na : float
        Reversal potential of sodium in volt, above e_l.
    e_k : float
        Reversal potential of potassium in volt, below e_l.
    e_l : float
        Reversal potential of the leak in volt.
    gate_temperature : float
        Temperature of the gates in kelvin, above 0; rates grow by a factor of 3 with 10 K.
    spike_threshold : float
        Spike threshold in volt: an upward crossing is a spike.
    gate_bits : int
        Fraction bits of a stored gate, 17 to 24.
    """

    membrane_capacitance: float = 100e-12
    g_na: float = 12e-6
    g_k: float = 3.6e-6
    g_l: float = 30e-9
    e_na: float = 0.050
    e_k: float = -0.077
    e_l: float = -0.054387
    gate_temperature: float = REFERENCE_TEMPERATURE
    spike_threshold: float = 0.0
    gate_bits: int = 22


def from_circuit(
    circuit: None,
    *,
    options: HodgkinHuxleyOptions | None = None,
    spread: Variability | None = None,
    **common: Any,
) -> HodgkinHuxleyParams:
    """Make Hodgkin-Huxley neurons from the keys of a design file.

    Parameters
    ----------
    circuit : None
        The model has no device.
    options : HodgkinHuxleyOptions, optional
        Keys of the model.
    spread : Variability, optional
        Spread and noise of the input currents.
    **common
        `count`, `dt` and words, as in :class:`HodgkinHuxleyParams`.

    Returns
    -------
    HodgkinHuxleyParams
        Parameters of the array.
    """
    options = options or HodgkinHuxleyOptions()
    return HodgkinHuxleyParams(
        spread=spread or Variability(),
        capacitance=options.membrane_capacitance,
        g_na=options.g_na,
        g_k=options.g_k,
        g_l=options.g_l,
        e_na=options.e_na,
        e_k=options.e_k,
        e_l=options.e_l,
        temperature=options.gate_temperature,
        threshold=options.spike_threshold,
        gate_bits=options.gate_bits,
        **common,
    )


def alone(params: HodgkinHuxleyParams, count: int) -> HodgkinHuxleyParams:
    """Parameters of equal neurons, without spread and noise.

    Parameters
    ----------
    params : HodgkinHuxleyParams
        Parameters of an array.
    count : int
        Neurons of the new array.
    """
    return replace(params, count=count, spread=Variability(seed=params.seed))


@lru_cache(maxsize=16)
def window(params: HodgkinHuxleyParams) -> tuple[float, float]:
    """Input currents under which a neuron fires repeatedly, by simulation.

    Parameters
    ----------
    params : HodgkinHuxleyParams
        Parameters of the array; spread and noise are ignored.

    Returns
    -------
    lowest, highest : float
        In ampere; the lowest within 2 %, the highest within 14 %.
    """
    scale = params.g_l * (params.e_l - params.e_k)
    grid = scale * np.geomspace(0.2, 300, 60)
    top = params.drive.max * params.capacitance / params.dt
    return firing_window(partial(rate, params), grid[grid < top])


def rate(params: HodgkinHuxleyParams, current: Floats) -> Floats:
    """Firing rate under constant inputs after 0.3 s, by simulation on ticks of at most 25 us.

    Parameters
    ----------
    params : HodgkinHuxleyParams
        Parameters of the array; spread and noise are ignored.
    current : ndarray of float, any shape
        Input current, in ampere.

    Returns
    -------
    ndarray of float, same shape
        Rate in hertz.
    """
    fine = replace(alone(params, np.size(current)), dt=min(params.dt, 25e-6))
    return simulated_rate(HodgkinHuxleyReference(fine, locate=False), current, duration=0.6, after=0.3)


def resized(params: HodgkinHuxleyParams, *, fraction: int, coefficient: int, drive: int) -> HodgkinHuxleyParams:
    """The same neurons with other word lengths.

    Parameters
    ----------
    params : HodgkinHuxleyParams
        Parameters of the array.
    fraction : int
        Fraction bits of the membrane.
    coefficient : int
        Significant bits of the coefficients.
    drive : int
        Fraction bits of the drive; `fraction` to ``fraction + 8`` are used.
    """
    extra = min(max(drive - fraction, 0), 8)
    return replace(
        params,
        membrane=Format(params.membrane.int_bits, fraction),
        drive=Format(params.drive.int_bits, fraction + extra),
        coefficient_bits=coefficient,
    )


def check_current(params: HodgkinHuxleyParams, current: Floats) -> None:
    """Check that an input keeps the membrane within the range of the tables.

    Parameters
    ----------
    params : HodgkinHuxleyParams
        Parameters of the array.
    current : ndarray of float, any shape
        Input currents, in ampere.

    Raises
    ------
    ValueError
        If a step to the strongest or the weakest input, or back, leaves the range of `membrane`.
    """
    extremes = np.array([float(np.max(current)), float(np.min(current))])
    reference = HodgkinHuxleyReference(alone(params, 2), locate=False)
    held = round(0.03 / params.dt) + 1
    sequence = np.repeat([extremes, extremes[::-1], extremes * 0], held, axis=0)
    reached, _ = reference.run(params.drive_volts(sequence))
    low, high = float(reached["membrane"].min()), float(reached["membrane"].max())
    if low < params.membrane.min or high > params.membrane.max:
        raise ValueError(
            f"the rate tables must cover the voltages that this input reaches, {low:.4g} V to {high:.4g} V, "
            f"not only {params.membrane.min} V to {params.membrane.max:.4g} V: give membrane more integer bits"
        )


def summary(params: HodgkinHuxleyParams) -> list[tuple[str, str]]:
    """Describe the array for a reader.

    Parameters
    ----------
    params : HodgkinHuxleyParams
        Parameters of the array.

    Returns
    -------
    list of (str, str)
        Labels and values.
    """
    errors = params.table_errors
    return [
        ("conductances", f"Na {params.g_na:.4g} S, K {params.g_k:.4g} S, leak {params.g_l:.4g} S"),
        ("reversal potentials", f"Na {si(params.e_na, 'V')}, K {si(params.e_k, 'V')}, leak {si(params.e_l, 'V')}"),
        ("capacitance, temperature", f"{si(params.capacitance, 'F')}, {params.temperature:.4g} K"),
        ("rest", f"{si(params.rest, 'V', 5)}"),
        ("one tick", si(params.dt, "s")),
        (
            "rate tables",
            f"{ENTRIES} entries, errors x_inf {errors['x_inf']:.2g}, k {errors['k']:.2g}, phi {errors['phi']:.2g}",
        ),
        (
            "words",
            f"membrane {params.membrane}, drive {params.drive}, {params.gate_bits} gate bits, "
            f"{params.coefficient_bits} coefficient bits",
        ),
    ]


HODGKIN_HUXLEY = NeuronModel(
    name="hodgkin_huxley",
    title="Hodgkin-Huxley: membrane and three gates, rates from tables",
    params=HodgkinHuxleyParams,
    options=HodgkinHuxleyOptions,
    bit_true=HodgkinHuxleyBitTrue,
    reference=HodgkinHuxleyReference,
    spread=SPREAD,
    excitable=True,
    from_circuit=from_circuit,
    check_current=check_current,
    summary=summary,
    shadow=shadow,
    swing=swing,
    bound=bound,
    alone=alone,
    window=window,
    rate=rate,
    resized=resized,
)
"""The model, as the rest of Neuristor uses it."""

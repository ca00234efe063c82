"""Clock domain "sync" from a PLL; its reset is held until the PLL has locked."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from amaranth.build import Platform
from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Const,
    Elaboratable,
    Instance,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.lib import io
from amaranth.lib.cdc import FFSynchronizer

from neuristor.boards.base import Board

__all__ = ["Ecp5Pll", "GateMatePll", "Ice40Pll", "PllClock", "clock_generator", "pll_setting"]


@dataclass(frozen=True, kw_only=True)
class Ice40Pll:
    """Dividers of an iCE40 PLL: f_out = f_in / (divr + 1) * (divf + 1) / 2**divq.

    Parameters
    ----------
    divr, divf, divq : int
        Reference divider (0 to 15), feedback divider (0 to 127) and output divider (1 to 6), as in the equation.
    filter_range : int
        Setting of the loop filter, 1 to 6.
    output_hz : float
        Output frequency, in hertz.

    References
    ----------
    Lattice FPGA-TN-02052, "iCE40 sysCLOCK PLL Design and Usage Guide". Limits and filter ranges are
    those of icepll in Project IceStorm.
    """

    divr: int
    divf: int
    divq: int
    filter_range: int
    output_hz: float

    @classmethod
    def settings(cls, input_hz: float) -> Iterator[Ice40Pll]:
        """Yield all valid settings, the preferred ones first.

        Parameters
        ----------
        input_hz : float
            Frequency of the clock pin, in hertz.

        Yields
        ------
        Ice40Pll
            A setting within the limits of the data sheet.
        """
        for divr in range(16):
            phase_hz = input_hz / (divr + 1)
            if not 10e6 <= phase_hz <= 133e6:
                continue
            limits_hz = (17e6, 26e6, 44e6, 66e6, 101e6)
            filter_range = 1 + sum(phase_hz >= limit for limit in limits_hz)
            for divf in range(128):
                vco_hz = phase_hz * (divf + 1)
                if not 533e6 <= vco_hz <= 1066e6:
                    continue
                for divq in range(1, 7):
                    output_hz = vco_hz / 2**divq
                    if 16e6 <= output_hz <= 275e6:
                        yield cls(
                            divr=divr,
                            divf=divf,
                            divq=divq,
                            filter_range=filter_range,
                            output_hz=output_hz,
                        )


@dataclass(frozen=True, kw_only=True)
class Ecp5Pll:
    """Dividers of an ECP5 PLL: f_out = f_in / clki_div * clkfb_div, with the VCO at f_out * clkop_div.

    Parameters
    ----------
    clki_div, clkfb_div, clkop_div : int
        Input, feedback and output divider, 1 to 128 each, as in the equation.
    output_hz : float
        Output frequency, in hertz.

    References
    ----------
    Lattice FPGA-TN-02200, "ECP5 and ECP5-5G sysCLOCK PLL/DLL Design and Usage Guide". Limits are those of
    ecppll in Project Trellis.
    """

    clki_div: int
    clkfb_div: int
    clkop_div: int
    output_hz: float

    @classmethod
    def settings(cls, input_hz: float) -> Iterator[Ecp5Pll]:
        """Yield all valid settings, the preferred ones first.

        Parameters
        ----------
        input_hz : float
            Frequency of the clock pin, in hertz.

        Yields
        ------
        Ecp5Pll
            A setting within the limits of the data sheet.
        """
        for clki_div in range(1, 129):
            phase_hz = input_hz / clki_div
            if not 3.125e6 <= phase_hz <= 400e6:
                continue
            for clkfb_div in range(1, 129):
                output_hz = phase_hz * clkfb_div
                if not 3.125e6 <= output_hz <= 400e6:
                    continue
                divs = [div for div in range(1, 129) if 400e6 <= output_hz * div <= 800e6]
                # The middle of the VCO range gives the most margin.
                clkop_div = min(divs, key=lambda div: abs(output_hz * div - 600e6))
                yield cls(
                    clki_div=clki_div,
                    clkfb_div=clkfb_div,
                    clkop_div=clkop_div,
                    output_hz=output_hz,
                )


@dataclass(frozen=True, kw_only=True)
class GateMatePll:
    """Output frequency of a GateMate PLL; nextpnr computes the dividers.

    Parameters
    ----------
    output_hz : float
        Output frequency, in hertz.

    References
    ----------
    Cologne Chip, UG1001, "GateMate FPGA Primitives Library", CC_PLL.
    """

    output_hz: float

    @classmethod
    def settings(cls, input_hz: float) -> Iterator[GateMatePll]:
        """Yield the frequencies that nextpnr 0.11 meets exactly: from a 10 MHz pin, 5 to 62 MHz in steps of 1 MHz.

        Parameters
        ----------
        input_hz : float
            Frequency of the clock pin, in hertz.

        Yields
        ------
        GateMatePll
            A setting within the limits of the data sheet.
        """
        if input_hz == 10e6:
            for mhz in range(5, 63):
                yield cls(output_hz=mhz * 1e6)


class PllClock(Elaboratable):
    """Drive the clock domain "sync" from a PLL at the clock pin of the platform.

    The parent module must declare the domain, so that the design next to this circuit can use it.
    Reset is held until the PLL has been locked for at least 15 us without interruption. The delay also covers
    the block RAMs of iCE40, which read as zero for about 3 us after configuration (IceStorm issue
    76). A loss of lock resets the design again.

    Parameters
    ----------
    output_hz : float
        Frequency of "sync", in hertz.
    """

    def __init__(self, output_hz: float) -> None:
        self.output_hz = output_hz

    @abstractmethod
    def pll(self, platform: Platform, clk: Signal, locked: Signal) -> Module:
        """Return a module with the PLL, which drives `clk` and `locked`.

        Parameters
        ----------
        platform : Platform
            The platform of the board; it gives the clock pin.
        clk : Signal
            The generated clock.
        locked : Signal
            High while the PLL is locked.
        """

    def elaborate(self, platform: Platform) -> Module:
        m = Module()
        clk = Signal()
        locked = Signal()
        # nextpnr derives the frequency of this clock from that of the pin and the dividers.
        m.submodules.pll = self.pll(platform, clk, locked)
        m.domains += ClockDomain("por", reset_less=True, local=True)
        m.d.comb += [ClockSignal("sync").eq(clk), ClockSignal("por").eq(clk)]

        steady = Signal()
        m.submodules.steady = FFSynchronizer(locked, steady, o_domain="por")
        # The top bit stops the counter and releases the reset: no comparator, no glitch.
        timer = Signal(math.ceil(math.log2(15e-6 * self.output_hz)) + 1)
        with m.If(~steady):
            m.d.por += timer.eq(0)
        with m.Elif(~timer[-1]):
            m.d.por += timer.eq(timer + 1)
        # From a register of its own: it goes everywhere.
        held = Signal(init=1)
        m.d.por += held.eq(~timer[-1])
        m.d.comb += ResetSignal("sync").eq(held)
        return m


class Ice40Clock(PllClock):
    """Clock from SB_PLL40_PAD, the iCE40 PLL at the clock pin.

    Parameters
    ----------
    setting : Ice40Pll
        Dividers.
    """

    def __init__(self, setting: Ice40Pll) -> None:
        super().__init__(setting.output_hz)
        self.setting = setting

    def pll(self, platform: Platform, clk: Signal, locked: Signal) -> Module:
        """Return a module with the PLL, which drives `clk` and `locked`.

        Parameters
        ----------
        platform : Platform
            The platform of the board; it gives the clock pin.
        clk : Signal
            The generated clock.
        locked : Signal
            High while the PLL is locked.
        """
        m = Module()
        pin = _clock_pin(platform)
        m.submodules.pll = Instance(
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=Const(self.setting.divr, 4),
            p_DIVF=Const(self.setting.divf, 7),
            p_DIVQ=Const(self.setting.divq, 3),
            p_FILTER_RANGE=Const(self.setting.filter_range, 3),
            i_PACKAGEPIN=pin.io,
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=clk,
            o_LOCK=locked,
        )
        return m


class Ecp5Clock(PllClock):
    """Clock from EHXPLLL, the PLL of ECP5, with feedback from its primary output.

    Parameters
    ----------
    input_hz : float
        Frequency of the clock pin, in hertz.
    setting : Ecp5Pll
        Dividers.
    """

    def __init__(self, input_hz: float, setting: Ecp5Pll) -> None:
        super().__init__(setting.output_hz)
        self.input_hz = input_hz
        self.setting = setting

    def pll(self, platform: Platform, clk: Signal, locked: Signal) -> Module:
        """Return a module with the PLL, which drives `clk` and `locked`.

        Parameters
        ----------
        platform : Platform
            The platform of the board; it gives the clock pin.
        clk : Signal
            The generated clock.
        locked : Signal
            High while the PLL is locked.
        """
        m = Module()
        m.submodules.buffer = buffer = io.Buffer(io.Direction.Input, _clock_pin(platform))
        m.submodules.pll = Instance(
            "EHXPLLL",
            a_FREQUENCY_PIN_CLKI=f"{self.input_hz / 1e6:.9g}",
            a_FREQUENCY_PIN_CLKOP=f"{self.output_hz / 1e6:.9g}",
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2",
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            p_OUTDIVIDER_MUXA="DIVA",
            p_OUTDIVIDER_MUXB="DIVB",
            p_OUTDIVIDER_MUXC="DIVC",
            p_OUTDIVIDER_MUXD="DIVD",
            p_FEEDBK_PATH="CLKOP",
            p_CLKI_DIV=self.setting.clki_div,
            p_CLKFB_DIV=self.setting.clkfb_div,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=self.setting.clkop_div,
            p_CLKOP_CPHASE=(self.setting.clkop_div - 1) // 2,  # no phase shift
            p_CLKOP_FPHASE=0,
            i_RST=Const(0),
            i_STDBY=Const(0),
            i_CLKI=buffer.i,
            i_CLKFB=clk,
            i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0),
            i_PHASEDIR=Const(1),
            i_PHASESTEP=Const(1),
            i_PHASELOADREG=Const(1),
            i_PLLWAKESYNC=Const(0),
            i_ENCLKOP=Const(0),
            o_CLKOP=clk,
            o_LOCK=locked,
        )
        return m


class GateMateClock(PllClock):
    """Clock from CC_PLL, the GateMate PLL; its clock starts after it has locked.

    Parameters
    ----------
    input_hz : float
        Frequency of the clock pin, in hertz.
    setting : GateMatePll
        Output frequency.
    """

    def __init__(self, input_hz: float, setting: GateMatePll) -> None:
        super().__init__(setting.output_hz)
        self.input_hz = input_hz

    def pll(self, platform: Platform, clk: Signal, locked: Signal) -> Module:
        """Return a module with the PLL, which drives `clk` and `locked`.

        Parameters
        ----------
        platform : Platform
            The platform of the board; it gives the clock pin.
        clk : Signal
            The generated clock.
        locked : Signal
            High while the PLL is locked.
        """
        m = Module()
        m.submodules.buffer = buffer = io.Buffer(io.Direction.Input, _clock_pin(platform))
        m.submodules.pll = Instance(
            "CC_PLL",
            p_REF_CLK=f"{self.input_hz / 1e6:.1f}",
            p_OUT_CLK=f"{self.output_hz / 1e6:.1f}",
            p_PERF_MD="SPEED",  # the mode of nextpnr's timing model
            p_LOCK_REQ=1,
            p_LOW_JITTER=1,
            p_CI_FILTER_CONST=2,
            p_CP_FILTER_CONST=4,
            i_CLK_REF=buffer.i,
            i_CLK_FEEDBACK=Const(0),
            i_USR_CLK_REF=Const(0),
            i_USR_LOCKED_STDY_RST=Const(0),
            o_USR_PLL_LOCKED=locked,
            o_CLK0=clk,
        )
        return m


Pll = Ice40Pll | Ecp5Pll | GateMatePll


def pll_setting(board: Board, clock_hz: float) -> Pll:
    """Return the PLL setting that generates a frequency from that of the clock pin.

    Parameters
    ----------
    board : Board
        A board with a clock pin.
    clock_hz : float
        Requested frequency, in hertz; met to within 1 Hz.

    Returns
    -------
    Ice40Pll, Ecp5Pll or GateMatePll
        The setting.

    Raises
    ------
    ValueError
        If the board cannot generate this frequency; the message gives the nearest frequencies it can generate.
    """
    if board.clock_hz is None:
        raise ValueError(f"{board.name} is a bare device: it has no clock pin")
    pin_hz = board.clock_hz
    possible: dict[float, Pll] = {}
    settings: Iterable[Pll]
    if board.family == "ice40":
        settings = Ice40Pll.settings(pin_hz)
    elif board.family == "ecp5":
        settings = Ecp5Pll.settings(pin_hz)
    elif board.family == "gatemate":
        settings = GateMatePll.settings(pin_hz)
    else:
        raise ValueError(
            f"{board.name} runs at {_mhz(pin_hz)} only: no PLL is supported on it, so {_mhz(clock_hz)} is not possible"
        )
    for setting in settings:
        possible.setdefault(setting.output_hz, setting)
    best = min(possible, key=lambda hz: abs(hz - clock_hz))
    if abs(best - clock_hz) > 1:
        below = max((hz for hz in possible if hz < clock_hz), default=None)
        above = min((hz for hz in possible if hz > clock_hz), default=None)
        nearest = " and ".join(_mhz(hz) for hz in (below, above) if hz is not None)
        raise ValueError(
            f"{board.name} cannot make {_mhz(clock_hz)} from its {_mhz(pin_hz)} pin: "
            f"the nearest it can make is {nearest}"
        )
    return possible[best]


def clock_generator(board: Board, clock_hz: float) -> PllClock:
    """Return the circuit that drives "sync" with another frequency than that of the clock pin.

    The ``ValueError`` of `pll_setting` is passed on.

    Parameters
    ----------
    board : Board
        A board with a clock pin and a supported PLL.
    clock_hz : float
        Requested frequency, in hertz; met to within 1 Hz.

    Returns
    -------
    PllClock
        The circuit.
    """
    chosen = pll_setting(board, clock_hz)
    if isinstance(chosen, Ice40Pll):
        return Ice40Clock(chosen)
    assert board.clock_hz is not None
    if isinstance(chosen, GateMatePll):
        return GateMateClock(board.clock_hz, chosen)
    return Ecp5Clock(board.clock_hz, chosen)


def _clock_pin(platform: Platform) -> io.SingleEndedPort:
    pin = platform.request(str(platform.default_clk), dir="-")
    assert isinstance(pin, io.SingleEndedPort)  # every board here has a single-ended clock
    return pin


def _mhz(hz: float) -> str:
    return f"{hz / 1e6:.9g} MHz"

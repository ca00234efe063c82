from __future__ import annotations

import gc
import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from neuristor.boards.host import BoardError, BoardLostError, OnnBoard, Recording, WrongBoardError, fitting, open_board
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams
from neuristor.golden_model.neurons.lif import LifBitTrue, LifParams
from neuristor.golden_model.neurons.relaxation_oscillator import RelaxationOscillatorBitTrue
from neuristor.golden_model.noise import first_states
from neuristor.golden_model.variability import Variability
from neuristor.hdl.link.array import ArrayCore
from neuristor.hdl.link.core import Core, Record
from neuristor.hdl.link.onn import WATCHED, OnnCore
from neuristor.hdl.link.serial import SerialCore
from neuristor.hdl.neurons import neuron
from neuristor.hdl.neurons.lif import LifArray
from neuristor.hdl.neurons.relaxation_oscillator import RelaxationOscillatorArray
from neuristor.hdl.onn import Onn
from neuristor.sim.benches.verify import available
from neuristor.sim.engines.virtual_board import VirtualBoard
from tests.marks import the_rest_is_slow
from tests.samples import SHARING, samples
from tests.samples.lif import lif_drive, lif_params
from tests.samples.relaxation_oscillator import oscillator_drive, oscillator_params

pytestmark = pytest.mark.skipif(not available("verilator"), reason="verilator is not installed")

EVERY = Record.SPIKES | Record.STATE


def lif(vo2: Circuit, seed: int = 2024, **more: Any) -> LifParams:
    """Seven neurons on two lanes: the last row has one."""
    numbers = {"threshold_d2d": 0.03, "threshold_c2c": 0.02, "refractory": 3e-6} | more
    return lif_params(vo2, "hold", count=7, seed=seed, **numbers)


def lif_core(params: LifParams, lanes: int = 2) -> ArrayCore:
    return ArrayCore(LifArray(params, lanes, loadable=True), "lif")


@contextmanager
def on_board(core: Core) -> Iterator[tuple[VirtualBoard, Any]]:
    with VirtualBoard(SerialCore(core, 4)) as virtual, open_board(core, virtual.port) as board:
        yield virtual, board


def equal(board: Any, recording: Recording, model: Any, drive: np.ndarray, first: int = 0) -> None:
    expected = model.run(drive)
    np.testing.assert_array_equal(recording.raster(first, len(drive)), expected["spike"])
    ticks, state = board.trace(recording, first)
    assert len(ticks) > 0
    for name, values in state.items():
        np.testing.assert_array_equal(values, expected[name][ticks - first], err_msg=name)


def test_neurons_equal_the_model_and_what_is_loaded_counts(vo2: Circuit) -> None:
    built, other = lif(vo2), lif(vo2, seed=99, threshold_c2c=0.015, threshold_d2d=0.05, refractory=3.4e-6, dt=1.7e-6)
    assert built.raw != other.raw
    core = lif_core(built)
    with on_board(core) as (_, board):
        drive = lif_drive(built, 40, seed=1)
        # As it is configured, without anything loaded.
        equal(board, board.run(drive, 1, EVERY), LifBitTrue(built), drive)
        assert board.loaded() == []
        board.load()
        assert board.loaded() == []
        equal(board, board.run(drive, 1, EVERY), LifBitTrue(built), drive)
        # Other thresholds, noise, refractory time and time constant, in the same circuit.
        board.load(lif_core(other))
        held = np.repeat(drive, 5, axis=0)
        equal(board, board.run(drive, 5, Record.SPIKES | Record.LAST_STATE), LifBitTrue(other), held)
        # And on from there, only the state.
        model = LifBitTrue(other)
        model.run(held)
        recording = board.run(drive[:3], 2, Record.STATE)
        ticks, state = board.trace(recording)
        expected = model.run(np.repeat(drive[:3], 2, axis=0))
        np.testing.assert_array_equal(ticks, len(held) + np.arange(6))
        np.testing.assert_array_equal(state["membrane"], expected["membrane"])
        assert len(recording.spikes) == 0
        nothing = board.run(drive[:1], 1, Record.SPIKES)
        model.run(drive[:1])
        assert all(values.shape == (0, 7) for values in board.trace(nothing)[1].values())
        assert board.counters()["ticks"] == nothing.ticks == len(held) + 7
    gc.collect()


def test_a_core_goes_on_while_the_host_is_away_and_stops_when_told(vo2: Circuit) -> None:
    params = lif(vo2)
    core = lif_core(params)
    drive = params.drive_raw(np.full((1, 7), 1e-4))
    with VirtualBoard(SerialCore(core, 4)) as virtual:
        with open_board(core, virtual.port) as board:
            words = board.words(drive)[0]
            board.write("record", 0)
            address = core.registers.addresses["stimulus"]
            assert board.client.write(address, [3_000_000, *words], fixed=True) == 1 + len(words)
            before = board.read("ticks")
        with open_board(core, virtual.port) as board:
            assert board.busy
            assert board.read("ticks") > before
            with pytest.raises(BoardError, match="busy"):
                board.load()
            with pytest.raises(BoardError, match="refuses to read parameters"):
                board.read_window("parameters")
            board.stop()
            while board.busy:
                pass
            ticks = board.read("ticks")
            assert before < ticks < 3_000_000
            assert board.read("spikes") > 100
            # What was not recorded is not waited for; the end is.
            recording = Recording(core, board.places)
            assert list(board.play([(10, words), (5, words)], 0, recording)) == [recording]
            assert (recording.records, recording.ticks) == (2, ticks + 15)
            board.reset()
            equal(board, board.run(drive, 50, EVERY), LifBitTrue(params), np.repeat(drive, 50, axis=0))


def test_a_bitstream_of_another_design_is_refused(vo2: Circuit) -> None:
    core, other = lif_core(lif(vo2)), lif_core(lif(vo2), lanes=3)
    with VirtualBoard(SerialCore(core, 4)) as virtual:
        with pytest.raises(WrongBoardError, match=r"not this design's: wanted [0-9a-f]{16}, found [0-9a-f]{16}"):
            open_board(other, virtual.port)
        # The port is free again.
        open_board(core, virtual.port).close()
    with pytest.raises(ValueError, match="lanes is built in as 2, and cannot be 3 without a new bitstream"):
        fitting(core, other)
    wide = lif_core(lif(vo2, refractory=30e-6))
    with pytest.raises(ValueError, match="state is built in"):
        fitting(core, wide)
    slow = lif_core(lif(vo2, dt=0.3e-6, refractory=0.9e-6))
    with pytest.raises(ValueError, match="is finer than"):
        fitting(core, slow)
    faint = lif_core(lif(vo2, threshold_c2c=0.0005))
    with pytest.raises(ValueError, match=r"noise_scale_raw \d+ does not fit the 13 bits that the circuit has for it"):
        fitting(faint, core)


def test_a_shift_that_is_built_in_must_be_the_same() -> None:
    def noisy(amperes: float) -> ArrayCore:
        params = samples("izhikevich").params("noise and spread", 3, spread=Variability(current_noise=amperes, seed=6))
        return ArrayCore(neuron("izhikevich").build(params, 1, loadable=True), "izhikevich")

    with pytest.raises(ValueError, match=r"raw\.noise_shift is built in as \d+, and cannot be \d+ without"):
        fitting(noisy(0.01e-9), noisy(0.02e-9))


def test_identity_is_that_of_the_structure(vo2: Circuit) -> None:
    cores = [lif_core(lif(vo2)), lif_core(lif(vo2, seed=5)), lif_core(lif(vo2), lanes=1)]
    for core in cores:
        core.describe_only()
    assert cores[0].identity == cores[1].identity != cores[2].identity
    assert cores[0].contents() != cores[1].contents()


def test_unplugging_in_mid_run_is_told_and_loses_nothing_received(vo2: Circuit) -> None:
    params = lif(vo2)
    core = lif_core(params)
    drive = lif_drive(params, 400, seed=3)
    virtual = VirtualBoard(SerialCore(core, 4))
    board = open_board(core, virtual.port)
    recording = Recording(core, board.places)

    def play() -> None:
        for _ in board.play(((1, words) for words in board.words(drive)), EVERY, recording):
            if recording.records > 100:
                virtual.unplug()

    with pytest.raises(BoardLostError, match=f"{virtual.port} is gone"):
        play()
    kept = recording.records
    assert 100 < kept < 400
    equal(board, recording, LifBitTrue(params), drive[:kept])
    with pytest.raises(BoardLostError, match="cannot be opened"):
        board.reconnect(patience=0.3)
    with pytest.raises(BoardLostError, match="is not open"):
        board.read("ticks")
    board.close()


def test_reconnecting_finds_the_board_as_it_was(vo2: Circuit) -> None:
    params = lif(vo2)
    core = lif_core(params)
    drive = lif_drive(params, 30, seed=4)
    model = LifBitTrue(params)
    with on_board(core) as (_, board):
        equal(board, board.run(drive, 1, EVERY), model, drive)
        board.client.close()
        board.reconnect()
        equal(board, board.run(drive, 1, EVERY), model, drive, first=30)


def test_a_port_without_a_board_is_told_in_a_sentence(vo2: Circuit) -> None:
    core = lif_core(lif(vo2))
    with pytest.raises(BoardLostError, match=r"/dev/no-such-port cannot be opened: .*neuristor doctor"):
        open_board(core, "/dev/no-such-port")
    ours, theirs = pty.openpty()
    with pytest.raises(BoardLostError, match=r"no answer from .* in 3 tries"):
        open_board(core, os.ttyname(theirs), tries=3, timeout=0.02)
    for end in (ours, theirs):
        os.close(end)


@pytest.mark.extended
@pytest.mark.parametrize("variant", ["all", pytest.param("capacitors", marks=pytest.mark.slow)])
def test_oscillators_equal_the_model(oscillator: Circuit, variant: str) -> None:
    params = oscillator_params(oscillator, variant, count=5)
    core = ArrayCore(RelaxationOscillatorArray(params, 2, loadable=True), "relaxation_oscillator")
    with on_board(core) as (_, board):
        board.load()
        drive = oscillator_drive(params, 60, seed=5)
        equal(board, board.run(drive, 2, EVERY), RelaxationOscillatorBitTrue(params), np.repeat(drive, 2, axis=0))


@pytest.mark.extended
@pytest.mark.parametrize("name", the_rest_is_slow(SHARING, SHARING[-1:]))
def test_flows_are_loadable_and_equal_the_model(name: str) -> None:
    params = samples(name).params(samples(name).noisy, count=3)
    core = ArrayCore(neuron(name).build(params, 1, interval=4, loadable=True), name)
    with on_board(core) as (_, board):
        board.load()
        drive = np.random.default_rng(6).integers(
            params.drive.min_raw // 64, params.drive.max_raw // 64, (50, params.count)
        )
        equal(board, board.run(drive, 1, EVERY), neuron(name).model.bit_true(params), drive)


def onn_params(seed: int, count: int = 12) -> OnnParams:
    weights = np.random.default_rng(seed).integers(-15, 16, (count, count))
    np.fill_diagonal(weights, 0)
    return OnnParams(weights=weights, weight_bits=5, phase_bits=4, noise_bits=8)


@pytest.mark.extended
@pytest.mark.parametrize("parts", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_phase_oscillators_equal_the_model_with_weights_noise_and_schedule_over_the_link(parts: int) -> None:
    core = OnnCore(Onn(onn_params(1), parts, readable=True), WATCHED)
    with on_board(core) as (_, board):
        for seed in (1, 2):
            params = onn_params(seed)
            board.load(OnnCore(Onn(params, parts, readable=True), WATCHED))
            if seed == 1:
                assert board.loaded() == []
            else:
                assert board.loaded() == ["weights"]  # other ones than the core was built with
            phases = np.random.default_rng(seed).integers(0, 16, params.count)
            model = OnnBitTrue(params, phases, 7)
            board.phases(phases)
            board.seed(int(first_states(7, 1)[0]))
            board.advance(0, begin=True)
            for noise in (0, 40, 0, 9, 0):
                board.advance(16, noise=noise)
                for _ in range(16):
                    model.step(noise)
                found = board.state()
                for name, expected in (
                    ("phases", model.phase[0]),
                    ("outputs", model.output[0]),
                    ("references", model.reference[0]),
                    ("totals", model.total[0]),
                    ("tick", model.tick),
                    ("changed", model.changed[0]),
                    ("toggles", model.toggles[0]),
                ):
                    np.testing.assert_array_equal(found[name], expected, err_msg=name)
            board.advance(10_000, settle=True)
            assert board.state()["tick"] < 10_080 or not board.read("status") & 4
            board.reset()
    gc.collect()


OUTSIDE = [
    ({"ticks": 1 << 31}, r"ticks must be an integer between 0 and 2147483647, not 2147483648"),
    ({"ticks": -1}, r"ticks must be an integer between 0 and 2147483647, not -1"),
    ({"ticks": 1, "noise": 256}, r"noise must be an integer between 0 and 255, not 256"),
    ({"ticks": 1, "noise": 1 << 16}, r"noise must be an integer between 0 and 255, not 65536"),
    ({"ticks": 1, "window": 0}, r"window must be an integer between 1 and 8, not 0"),
    ({"ticks": 1, "window": 9}, r"window must be an integer between 1 and 8, not 9"),
]


def oscillators_of_no_board() -> OnnBoard:
    """Raises an AttributeError as soon as something is sent."""
    core = OnnCore(Onn(onn_params(1), 4, readable=True))
    core.describe_only()
    board = OnnBoard.__new__(OnnBoard)
    board.core = core
    return board


@pytest.mark.parametrize(("asked", "message"), OUTSIDE)
def test_what_does_not_fit_into_a_record_is_refused_before_it_is_sent(asked: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        oscillators_of_no_board().advance(**asked)


def test_phases_and_seeds_that_do_not_exist_are_refused_before_they_are_sent() -> None:
    board = oscillators_of_no_board()
    with pytest.raises(ValueError, match=r"phases must have shape \(12,\), not \(11,\)"):
        board.phases(np.zeros(11, dtype=np.int64))
    with pytest.raises(ValueError, match="phases must be an integer between 0 and 15, not 16"):
        board.phases(np.full(12, 16))
    with pytest.raises(ValueError, match="state must be an integer between 1 and 4294967295, not 0"):
        board.seed(0)


def test_only_cores_that_play_records_can_be_asked_to_end_one(vo2: Circuit) -> None:
    onn = OnnCore(Onn(onn_params(1), 4, readable=True))
    onn.describe_only()
    records = lif_core(lif(vo2))
    records.describe_only()
    meanings = {kind: core.registers.entries["control"] for kind, core in (("onn", onn), ("lif", records))}
    assert (meanings["onn"].bits, meanings["onn"].meaning) == (1, "bit 0: reset")
    assert meanings["lif"].bits == 2
    assert "bit 1: end the record" in meanings["lif"].meaning
    assert not hasattr(OnnBoard, "stop")


@pytest.mark.extended
def test_all_weights_are_loaded_where_columns_have_rows_without_a_chunk() -> None:
    """With 8 bits, a column of 18 oscillators in 2 parts has 6 chunks, in 8 rows of the window."""
    weights = np.random.default_rng(4).integers(-128, 128, (18, 18))
    params = OnnParams(weights=weights, weight_bits=8)
    other = OnnParams(weights=np.zeros((18, 18), dtype=np.int64), weight_bits=8)
    with on_board(OnnCore(Onn(other, 2, readable=True), WATCHED)) as (_, board):
        assert board.loaded() == []
        board.load(OnnCore(Onn(params, 2, readable=True), WATCHED))
        phases = np.arange(18) % 16
        board.phases(phases)
        board.advance(20, begin=True)
        model = OnnBitTrue(params, phases)
        for _ in range(20):
            model.step()
        found = board.state()
        np.testing.assert_array_equal(found["totals"], model.total[0])
        np.testing.assert_array_equal(found["phases"], model.phase[0])
    gc.collect()

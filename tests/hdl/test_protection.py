"""Check bits: every flip of one bit is noticed, SECDED sets it right, and a protected circuit is the same circuit."""

from __future__ import annotations

import gc
import itertools
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data
from amaranth.sim import Simulator

import neuristor.hdl.protection
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.networks.onn import OnnBitTrue
from neuristor.hdl.neurons.lif import LifArray
from neuristor.hdl.onn import Onn
from neuristor.hdl.protection import Code, guarded
from neuristor.hdl.snn import Snn
from tests.hdl.test_onn import advance, load, network, same, simulate
from tests.hdl.test_snn import Played, assert_equal, currents, devices, stimulus
from tests.samples.lif import lif_params


def flipped(protection: str, width: int, flips: int) -> None:
    """Every pattern of so many flips, of some words, through the circuit."""
    code = Code(width, protection)
    whole = width + code.check_bits
    m = Module()
    read, out, fault, given, made = Signal(whole), Signal(width), Signal(), Signal(width), Signal(whole)
    word, damaged = code.decoded(m, read, "memory")
    m.d.comb += [out.eq(word), fault.eq(damaged), made.eq(code.encoded(given))]
    words = [0, (1 << width) - 1, *np.random.default_rng(width).integers(0, 1 << width, 5).tolist()]

    async def testbench(ctx: Any) -> None:
        for each in words:
            ctx.set(given, each)
            assert ctx.get(made) == code.encode(each)
            for bits in itertools.combinations(range(whole), flips):
                ctx.set(read, code.encode(each) ^ sum(1 << bit for bit in bits))
                assert ctx.get(fault) == int(flips > 0)
                if protection == "secded" and flips < 2:
                    assert ctx.get(out) == each

    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize("width", [1, 2, 4, 11, 12, 26, 57])
def test_parity_notices_every_single_flip(width: int) -> None:
    for flips in (0, 1):
        flipped("parity", width, flips)


@pytest.mark.parametrize("width", [1, 2, 4, 11, 12, 26])
def test_secded_sets_every_single_flip_right_and_notices_every_double_one(width: int) -> None:
    for flips in (0, 1, 2):
        flipped("secded", width, flips)


@pytest.mark.parametrize(("width", "bits"), [(4, 4), (8, 5), (16, 6), (32, 7), (64, 8)])
def test_secded_has_as_many_check_bits_as_the_literature_says(width: int, bits: int) -> None:
    """Hsiao, IBM J. Res. Dev. 14, 395, 1970, table 1: (8, 4), (13, 8), (22, 16), (39, 32), (72, 64)."""
    assert Code(width, "secded").check_bits == bits


@pytest.mark.parametrize("protection", ["none", "parity", "secded"])
def test_what_is_written_is_read_and_only_a_read_can_be_a_fault(protection: str) -> None:
    shape = data.StructLayout({"a": unsigned(5), "b": unsigned(6)})
    m = Module()
    memory = guarded(m, "memory", shape, 4, [{"a": 1, "b": 2}, {"a": 3, "b": 4}], protection)
    seen, given, writes, reads, fault = (Signal(width) for width in (11, 11, 1, 1, 1))
    place, where = Signal(2), Signal(2)
    m.d.comb += [
        seen.eq(memory.data),
        fault.eq(memory.fault),
        memory.given.eq(given),
        memory.write_enable.eq(writes),
        memory.write_address.eq(where),
        memory.read_address.eq(place),
        memory.read_enable.eq(reads),
    ]
    content = [1 | 2 << 5, 3 | 4 << 5, 0, 0]

    async def testbench(ctx: Any) -> None:
        random = np.random.default_rng(1)
        for _ in range(200):
            address, other, value = (int(random.integers(n)) for n in (4, 4, 1 << 11))
            ctx.set(place, address)
            ctx.set(reads, 1)
            ctx.set(where, other)
            ctx.set(given, value)
            ctx.set(writes, int(other != address))
            await ctx.tick()
            ctx.set(writes, 0)
            ctx.set(reads, 0)
            assert ctx.get(seen) == content[address]
            assert ctx.get(fault) == 0
            if other != address:
                content[other] = value
            await ctx.tick()
            assert ctx.get(fault) == 0

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


class Damage:
    """The memory's words as they are made, one of them with a flipped bit."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, bit: int) -> None:
        self.words = 0
        encode = Code.encode

        def damaged(code: Code, word: int) -> int:
            self.words += 1
            return encode(code, word) ^ (1 << bit if self.words - 1 == number else 0)

        monkeypatch.setattr(neuristor.hdl.protection.Code, "encode", damaged)


@pytest.mark.few(3)
@pytest.mark.parametrize("protection", ["parity", "secded"])
@pytest.mark.parametrize("bit", [None, 0, 23, -1])
def test_a_protected_oscillator_network_notices_or_mends_a_damaged_weight(
    protection: str, bit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    params, phases = network(33, "random", 5, 4)
    circuit, model = Onn(params, protection=protection), OnnBitTrue(params, phases)
    bits = circuit.chunk_bits + Code(circuit.chunk_bits, protection).check_bits
    damage = Damage(monkeypatch, -1 if bit is None else 7, (bit or 0) % bits)

    async def testbench(ctx: Any) -> None:
        await load(ctx, circuit, phases)
        for _ in range(40):
            model.step()
            await advance(ctx, circuit, 1)
            if bit is None or protection == "secded":
                same(ctx, circuit, model)
        assert (ctx.get(circuit.memory_faults) > 0) == (bit is not None)

    simulate(circuit, testbench)
    assert damage.words >= params.count


@pytest.mark.parametrize("make", [devices, currents])
@pytest.mark.parametrize("protection", ["parity", "secded"])
def test_a_protected_spiking_network_is_the_model(make: Any, protection: str) -> None:
    params = make()
    inputs = stimulus(params, 8)
    lanes = [2, 1] if make is currents else [4, 2]
    circuit = Snn(params, lanes, protection=protection)
    played = Played(circuit)
    played.play(inputs, 0.3)
    assert_equal(played, params, inputs)


def test_a_protected_spiking_network_with_a_damaged_weight_is_the_model_and_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    params = currents()
    inputs = stimulus(params, 8)
    Damage(monkeypatch, 3, 2)
    circuit, counted = Snn(params, [2, 1], protection="secded"), []

    async def watch(ctx: Any) -> None:
        for _ in range(500):
            await ctx.tick()
            counted.append(int(ctx.get(circuit.memory_faults)))

    played = Played(circuit)
    played.play(inputs, before=watch)
    assert_equal(played, params, inputs)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_what_is_no_protection_is_refused(vo2: Circuit) -> None:
    params = lif_params(vo2, "spread", count=4)
    for make in (lambda: LifArray(params, 2, protection="crc"), lambda: Code(8, "hamming")):
        with pytest.raises(ValueError, match=r"^protection must be one of none, parity, secded, not '"):
            make()
    gc.collect()

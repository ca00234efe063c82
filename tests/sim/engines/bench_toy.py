"""cocotb tests of the toy array, run by ``test_engines.py``. Parameters come in ``TOY``, as JSON."""

import json
import os
import random
import time
from pathlib import Path

import cocotb
import pytest

from neuristor.sim.benches.stream import exchange, start
from neuristor.sim.engines.stalls import StreamError
from tests.sim.engines.toy import toy_outputs

TOY = json.loads(os.environ.get("TOY", "{}"))


def inputs(count: int, width: int) -> list[int]:
    rng = random.Random(1)
    return [rng.getrandbits(width) for _ in range(count)]


@cocotb.test()
async def toy_sends_its_sums(dut):
    rows = inputs(TOY["count"], len(dut.i_payload))
    await start(dut)
    began = time.perf_counter()
    result = await exchange(dut, rows, stall_seed=TOY["stall_seed"])
    seconds = time.perf_counter() - began
    assert result.rows == toy_outputs(rows, out_width=len(dut.o_payload))
    saturations = int(dut.saturations.value)
    Path("out.json").write_text(json.dumps([result.rows, result.cycles, saturations, seconds]))


@cocotb.test()
async def toy_goes_on_with_a_second_batch(dut):
    await start(dut)
    rows = inputs(40, len(dut.i_payload))
    first = await exchange(dut, rows[:17], stall_seed=3)
    second = await exchange(dut, rows[17:], stall_seed=4)
    differences = [int(x) for x in first.rows + second.rows]
    known = differences[:4]
    for n, row in enumerate(rows[4:], 4):  # memory survives the earlier test
        known.append((known[n - 4] + row) % (1 << len(dut.o_payload)))
    assert differences == known


@cocotb.test()
async def watchdog_fires(dut):
    await start(dut)
    wanted = r"nothing moves at clock 10\d: 2 of 2 input rows sent, 2 of 3 output rows received"
    with pytest.raises(StreamError, match=wanted):
        await exchange(dut, [1, 2], 3, idle_limit=100)


@cocotb.test()
async def row_too_wide_is_refused(dut):
    await start(dut)
    with pytest.raises(OverflowError, match="rows must fit in 64 bits"):
        await exchange(dut, [1 << len(dut.i_payload)])

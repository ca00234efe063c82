from __future__ import annotations

import pytest
from amaranth.lib import wiring

from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.hdl.neurons.lif import LifArray
from neuristor.hdl.onn import Onn
from neuristor.hdl.snn import Snn
from neuristor.hdl.verilog import export
from tests.hdl.test_snn import deep
from tests.samples.lif import lif_params
from tests.sim.benches.test_onn import made as onn_case


def test_two_exports_give_identical_bytes(vo2: Circuit) -> None:
    params = lif_params(vo2, "all", count=10)
    first, second = (export(LifArray(params, 4), "vo2", ["a header"]) for _ in range(2))
    assert first == second


def test_export_has_a_header_named_modules_and_no_path(vo2: Circuit) -> None:
    text = export(LifArray(lif_params(vo2, "all", count=10), 4), "vo2", ["line one", "line two"])
    assert text.startswith("// line one\n// line two\n")
    for wanted in (
        "module vo2(",
        "module vo2__lane_3(",
        "] state_memory [",
        "//             [15:0]     [0] (signed)",
        "state[0].membrane (signed)",
        "saturations",
    ):
        assert wanted in text
    for unwanted in (".py", "/work", "/tmp", "site-packages", "(* src"):
        assert unwanted not in text


def test_module_name_is_checked(vo2: Circuit) -> None:
    array = LifArray(lif_params(vo2, "hold", count=1), 1)
    export(array, "a_b")
    for name in ("a b", "module", "Signal", "a__b", "_a", "a_", "2a", "a$", "ä"):
        with pytest.raises(ValueError, match="name must be letters, digits and single underscores"):
            export(array, name)


def test_a_header_cannot_leave_its_comment(vo2: Circuit) -> None:
    array = LifArray(lif_params(vo2, "hold", count=2), 1)
    for line in ("a\nmodule b; endmodule", "a\rb", "a\u2028b"):
        with pytest.raises(ValueError, match="a line of the header must be one line"):
            export(array, "vo2", [line])
    export(array, "vo2", ["one line"])


def made(kind: str, vo2: Circuit) -> wiring.Component:
    if kind == "snn":
        return Snn(deep(), [4, 6, 1])
    if kind == "onn":
        return Onn(onn_case(33, 3, 4, 3).params, 1)
    return LifArray(lif_params(vo2, kind, count=10), 4)


@pytest.mark.parametrize("kind", ["all", "snn", "onn"])
def test_every_register_has_a_name(vo2: Circuit, kind: str) -> None:
    assert "$signal" not in export(made(kind, vo2), "named")

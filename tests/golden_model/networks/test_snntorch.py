"""Networks of snnTorch, exported and read: the same spikes as in snnTorch itself, for every reset. Needs ``train``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.networks.nir_graph import from_nir
from neuristor.golden_model.networks.snn import SnnReference

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
snntorch = pytest.importorskip("snntorch")
export_nir = pytest.importorskip("snntorch.export_nir")

pytestmark = pytest.mark.filterwarnings("ignore:nirtorch.extract_nir_graph is being deprecated:DeprecationWarning")
PAGE = Path(__file__).parents[3] / "docs" / "from-snntorch.md"
DT = 1e-4
"""snnTorch writes its files for this time step, in second."""
KINDS = ("Leaky", "Synaptic", "RLeaky", "RLeaky, one to one", "RSynaptic")
RULES = {
    ("subtract", True): "subtract_late",
    ("subtract", False): "subtract_guarded",
    ("zero", True): "to_value_late",
    ("zero", False): "to_value",
    ("none", True): "none",
    ("none", False): "none",
}


def neurons(kind: str, count: int, mechanism: str, delay: bool) -> Any:
    beta, alpha = torch.full((count,), 0.85), torch.full((count,), 0.7)
    common: dict[str, Any] = {
        "threshold": torch.linspace(0.8, 1.2, count),
        "init_hidden": True,
        "reset_mechanism": mechanism,
        "reset_delay": delay,
    }
    if kind in ("RLeaky", "RSynaptic"):
        common |= {"linear_features": count}
    if kind == "RLeaky, one to one":
        return snntorch.RLeaky(beta=beta, **common, all_to_all=False, V=torch.full((count,), -0.3))
    own = {"alpha": alpha, "beta": beta} if "Synaptic" in kind else {"beta": beta}
    return getattr(snntorch, kind)(**own, **common)


def played(net: Any, inputs: Any) -> Any:
    """The output spikes of snnTorch, as an array of shape (ticks, outputs)."""
    for module in net:
        if hasattr(module, "reset_mem"):
            module.reset_mem()
    with torch.no_grad():
        made = np.array([net(row).numpy().ravel() > 0.5 for row in inputs])
    for module in net:
        if hasattr(module, "reset_mem"):
            module.reset_mem()
    return made


def ours(net: Any, inputs: Any, reset: Any) -> Any:
    found = from_nir(export_nir.export_to_nir(net, inputs[0]), DT, reset=reset)
    assert [note for note in found.notes if "recurrent" not in note] == []
    return SnnReference(found.network).run(inputs.reshape(len(inputs), -1).numpy().astype(int))[-1][:, 0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("mechanism", "delay"), RULES)
def test_spikes_are_those_of_snntorch(kind: str, mechanism: str, delay: bool) -> None:
    if kind == "RSynaptic" and not delay:
        pytest.skip("snnTorch 1.0 stops in RSynaptic with reset_delay=False")
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(12, 16),
        neurons(kind, 16, mechanism, delay),
        torch.nn.Linear(16, 8),
        neurons(kind, 8, mechanism, delay),
    )
    with torch.no_grad():
        for module in net[::2]:
            module.weight *= 1.5 if "Synaptic" in kind else 4
    inputs = (torch.rand(80, 12) < 0.3).float()
    expected = played(net, inputs)
    assert 20 < expected.sum() < expected.size - 20
    rule = RULES[mechanism, delay]
    if kind == "Leaky" and mechanism == "zero":
        rule = "to_value"  # its delayed reset comes before the input of the next tick
    assert (ours(net, inputs, rule) == expected).all()
    others = [each for each in {*RULES.values(), "subtract"} - {rule} if (ours(net, inputs, each) == expected).all()]
    assert others == []


def test_convolutions_pools_and_a_rule_for_each_layer() -> None:
    torch.manual_seed(0)

    def leaky(*shape: int, threshold: float, **more: Any) -> Any:
        limits = torch.full(shape, threshold)
        return snntorch.Leaky(beta=torch.full(shape, 0.9), threshold=limits, init_hidden=True, **more)

    net = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3),
        torch.nn.AvgPool2d(2),
        leaky(4, 5, 5, threshold=0.2, reset_delay=False),
        torch.nn.Conv2d(4, 6, 3, bias=False, groups=2, stride=2, padding=1),
        leaky(6, 3, 3, threshold=0.1),
        torch.nn.Flatten(0),
        torch.nn.Linear(54, 5),
        leaky(5, threshold=0.2, reset_mechanism="none"),
    )
    inputs = (torch.rand(40, 2, 12, 12) < 0.3).float()
    expected = played(net, inputs)
    assert 20 < expected.sum() < expected.size - 20
    assert (ours(net, inputs, ["subtract_guarded", "subtract_late", "none"]) == expected).all()


def test_another_time_step_is_noticed() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), neurons("Leaky", 4, "zero", False))
    graph = export_nir.export_to_nir(net, torch.zeros(3))
    assert from_nir(graph, DT).notes == ()
    (note,) = from_nir(graph, 5e-4).notes
    assert "it is 1 with dt = 0.0001 s" in note
    with pytest.raises(ValueError, match=r"dt must be at most tau \(0\.0006667 s\), not 0\.001 s; .* dt = 0\.0001 s"):
        from_nir(graph, 1e-3)


def test_the_recipe_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python of docs/from-snntorch.md, in one piece; its network file is read by it."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```(python|toml)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert [kind for kind, _ in blocks].count("toml") == 1
    for kind, text in sorted(blocks, key=lambda block: block[0] == "python"):
        if kind == "toml":
            Path("mine.toml").write_text(text)
    space: dict[str, Any] = {}
    exec("\n".join(text for kind, text in blocks if kind == "python"), space)
    assert space["same"] is True
    assert space["spikes"].sum() > 100

"""Train the spiking networks of the examples, and write them as NIR files.

    pip install 'neuristor[train]'
    python examples/train_snn.py digits examples/digits.nir
    python examples/train_snn.py mnist examples/mnist.nir

The method is training with surrogate gradients in snnTorch (J. K. Eshraghian et al., Proc. IEEE 111, 2023,
10.1109/JPROC.2023.3308088). The neurons are leaky integrate-and-fire neurons of NIR with a time step (tick) dt of 1 ms:
v += (r i - v) dt / tau; where v > 1, a spike, and v = 0. With ``tau = 16 ms`` and ``r = 16``, an input spike raises the
membrane potential by its weight, and the leak is 1/16 per tick.

Only training needs torch: the weights are in the NIR file.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np

try:
    import snntorch
    import torch
    from snntorch import surrogate
except ImportError as error:
    raise SystemExit(f"{error.name} is not installed: pip install 'neuristor[train]'") from None

from neuristor.golden_model.networks.datasets import digits, mnist

TICKS = {"digits": 16, "mnist": 25}
MOST = {"digits": 0.5, "mnist": 0.75}
"""Probability of a spike in a tick for a white pixel; on average, about 15 and 10 % of the inputs spike in a tick."""
HIDDEN = {"digits": (64,), "mnist": (128,)}
EPOCHS = {"digits": 120, "mnist": 60}


class Spiking(torch.nn.Module):
    """A network of fully connected layers without bias; neurons reset to zero in the tick of their spike.

    Parameters
    ----------
    sizes : tuple of int
        Number of inputs, then of neurons in each layer.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        pairs = list(pairwise(sizes))
        self.linear = torch.nn.ModuleList(torch.nn.Linear(a, b, bias=False) for a, b in pairs)
        grad = surrogate.fast_sigmoid(slope=10)
        kinds = {"beta": 15 / 16, "spike_grad": grad, "reset_mechanism": "zero", "reset_delay": False}
        self.leaky = torch.nn.ModuleList(snntorch.Leaky(**kinds) for _ in pairs)
        for layer in self.linear:
            torch.nn.init.normal_(layer.weight, 0.02, 1.2 / layer.in_features**0.5)

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Run the network.

        Parameters
        ----------
        spikes : Tensor of float, shape (ticks, batch, inputs)
            Input spikes, 0 or 1.

        Returns
        -------
        Tensor of float, shape (ticks, batch, outputs)
            Output spikes, 0 or 1.
        """
        membranes = [leaky.init_leaky() for leaky in self.leaky]
        made = []
        for row in spikes:
            for n, (linear, leaky) in enumerate(zip(self.linear, self.leaky, strict=True)):
                row, membranes[n] = leaky(linear(row), membranes[n])
            made.append(row)
        return torch.stack(made)


def write(path: Path, network: Spiking, name: str) -> None:
    """Write a network as a NIR file.

    Parameters
    ----------
    path : Path
        The file to write.
    network : Spiking
        The trained network.
    name : str
        Data set: ``digits`` or ``mnist``.
    """
    nodes, edges, last = {"input": nir.Input({"input": np.array([network.linear[0].in_features])})}, [], "input"
    for n, linear in enumerate(network.linear):
        weight = linear.weight.detach().numpy()
        one = np.ones(len(weight), dtype=np.float32)
        nodes[f"fc{n + 1}"] = nir.Linear(weight)
        nodes[f"lif{n + 1}"] = nir.LIF(tau=0.016 * one, r=16 * one, v_leak=0 * one, v_threshold=one, v_reset=0 * one)
        edges += [(last, f"fc{n + 1}"), (f"fc{n + 1}", f"lif{n + 1}")]
        last = f"lif{n + 1}"
    nodes["output"] = nir.Output({"output": np.array([network.linear[-1].out_features])})
    metadata = {"dt": 1e-3, "ticks": TICKS[name], "most": MOST[name]}
    nir.write(path, nir.NIRGraph(nodes, [*edges, (last, "output")], metadata=metadata))


def main() -> None:
    """Run the training from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(TICKS))
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    torch.manual_seed(0)
    data = digits() if given.name == "digits" else mnist()
    ticks, most = TICKS[given.name], MOST[given.name]
    network = Spiking((data.train.shape[1], *HIDDEN[given.name], 10))
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS[given.name])
    values, labels = torch.tensor(data.train, dtype=torch.float32), torch.tensor(data.train_labels)
    test = torch.tensor(data.test, dtype=torch.float32)
    for epoch in range(EPOCHS[given.name]):
        for some in torch.randperm(len(values)).split(100):
            spikes = (torch.rand(ticks, len(some), values.shape[1]) < most * values[some]).float()
            counts = network(spikes).sum(0)
            loss = torch.nn.functional.cross_entropy(counts * 0.8, labels[some])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():  # clip outliers: short words could not hold them
                for linear in network.linear:
                    linear.weight.clamp_(-4 * linear.weight.std(), 4 * linear.weight.std())
        schedule.step()
        if epoch % 10 == 9:
            with torch.no_grad():
                spikes = (torch.rand(ticks, len(test), test.shape[1]) < most * test).float()
                right = (network(spikes).sum(0).argmax(1).numpy() == data.test_labels).mean()
            print(f"epoch {epoch + 1}: loss {loss.item():.3f}, test {100 * right:.2f} %", flush=True)
    write(given.out, network, given.name)
    print(given.out)


if __name__ == "__main__":
    main()

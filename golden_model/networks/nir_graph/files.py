"""NIR files: reading with checks against damaged and oversized files, and writing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from neuristor.golden_model.files import remember
from neuristor.golden_model.networks.nir_graph.bounds import MOST_BYTES, check_file
from neuristor.golden_model.networks.nir_graph.nodes import NEURONS, SYNAPSES
from neuristor.golden_model.networks.nir_graph.reading import Imported, from_nir
from neuristor.golden_model.networks.nir_graph.writing import to_nir
from neuristor.golden_model.networks.snn import Network, ResetRule

__all__ = ["MOST_BYTES", "read", "write"]

DAMAGE = (OSError, LookupError, AttributeError, TypeError, AssertionError, RuntimeError, ArithmeticError)
"""What a damaged file, or one with wrong types, raises besides ValueError."""


def read(
    path: str | Path,
    dt: float,
    *,
    discretisation: Literal["euler", "exact"] | None = None,
    reset: ResetRule | Sequence[ResetRule] | None = None,
    currents: bool = False,
) -> Imported:
    """Read a network from a NIR file.

    Parameters
    ----------
    path : str or Path
        The file.
    dt : float
        Time step (tick), in second.
    discretisation : {"euler", "exact"}, optional
        How time constants become coefficients; see ``golden_model.networks.snn``. By default as `write` recorded it in
        the file, otherwise ``euler``.
    reset : str or sequence of str, optional
        Reset rule of all layers, or of each; see `Neurons`. By default as `write` recorded it in the file, otherwise
        ``to_value``.
    currents : bool
        The input is currents instead of spikes.

    Returns
    -------
    Imported
        The network, and the assumptions made.

    Raises
    ------
    ValueError
        If there is no such file, it exceeds a bound of `check_file`, is damaged or incomplete, contains unsupported
        nodes, or does not allow this `dt`; the message begins with the path.
    """
    import h5py
    import nir

    path = Path(path)
    remember(path)
    if not path.is_file():
        raise ValueError(f"{path}: cannot be read: there is no such file")
    if path.stat().st_size > MOST_BYTES:
        size = path.stat().st_size / 2**20
        raise ValueError(f"{path}: must be at most {MOST_BYTES // 2**20} MiB long, not {size:.0f} MiB")
    if not h5py.is_hdf5(path):
        raise ValueError(f"{path}: must be an HDF5 file with a NIR graph; this is not HDF5")
    try:
        check_file(path)
        unknown = _unknown(path)
        if unknown:
            raise ValueError(f"nodes must be of the kinds {', '.join(NEURONS + SYNAPSES)}, not {unknown}")
        with h5py.File(path) as file:
            # Not nir.read: its check of types refuses grouped convolutions and kernels that are no squares.
            graph = nir.dict2NIRNode(_unchecked(nir.serialization.hdf2dict(file["node"])))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except DAMAGE as error:
        raise ValueError(f"{path}: must be a complete NIR graph ({type(error).__name__}: {error})") from None
    try:
        return from_nir(graph, dt, discretisation=discretisation, reset=reset, currents=currents)
    except (ValueError, *DAMAGE) as error:
        raise ValueError(f"{path}: {error}") from None


def _unknown(path: Path) -> str:
    """The unsupported kinds of nodes in a file, with the names of the nodes.

    Raises
    ------
    ValueError
        If the file has no NIR graph.
    """
    import h5py

    known = {*NEURONS, *SYNAPSES, "Input", "Output", "NIRGraph"}
    found: dict[str, list[str]] = {}

    def search(group: Any, prefix: str) -> None:
        for name, node in group["nodes"].items():
            kind = node["type"][()].decode()
            if kind not in known:
                found.setdefault(kind, []).append(prefix + name)
            if kind == "NIRGraph":
                search(node, f"{prefix}{name}.")

    with h5py.File(path) as file:
        if "node" not in file or "nodes" not in file["node"]:
            raise ValueError("must hold a NIR graph; this HDF5 file has none")
        search(file["node"], "")
    return "; ".join(f"{kind} ({', '.join(names)})" for kind, names in sorted(found.items()))


def _unchecked(node: dict[str, Any]) -> dict[str, Any]:
    """A graph as a dictionary, without the check of types: `from_nir` has its own."""
    if node.get("type") != "NIRGraph":
        return node
    nodes = {name: _unchecked(each) for name, each in node["nodes"].items()}
    return node | {"nodes": nodes, "type_check": False}


def write(path: str | Path, network: Network) -> None:
    """Write a network to a NIR file.

    `to_nir` states what a file cannot hold.

    Parameters
    ----------
    path : str or Path
        The file.
    network : Network
        The network.
    """
    import nir

    nir.write(path, to_nir(network))

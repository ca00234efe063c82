"""Networks from and to NIR, the neuromorphic intermediate representation of many tools.

A NIR file has equations and no time step: `dt` must be given. Nodes between two layers of neurons (Affine, Linear,
Scale, Conv1d, Conv2d, SumPool2d, AvgPool2d, Flatten, Delay) are merged into one set of synapses per path. A connection
from a layer to itself that has no delay is given a delay of one tick, and `notes` say so. A longer cycle must contain a
Delay.

Neurons: IF, LIF, CubaLIF, LI, CubaLI, and I. A spike is ``v > v_threshold``, then ``v = v_reset``, as NIR defines both.
Tools that train with another reset do not record it in the file; the argument `reset` selects it.

References
----------
J. E. Pedersen et al., Nature Communications 15, 2024, 10.1038/s41467-024-52259-9; the classes of the package ``nir``.
"""

from neuristor.golden_model.networks.nir_graph.files import MOST_BYTES, read, write
from neuristor.golden_model.networks.nir_graph.nodes import NEURONS, SYNAPSES
from neuristor.golden_model.networks.nir_graph.reading import Imported, from_nir
from neuristor.golden_model.networks.nir_graph.writing import to_nir

__all__ = ["MOST_BYTES", "NEURONS", "SYNAPSES", "Imported", "from_nir", "read", "to_nir", "write"]

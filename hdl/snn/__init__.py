"""Spiking networks in the circuit: equal, bit for bit, to ``neuristor.golden_model.networks.snn.SnnBitTrue``.

A layer receives a tick of spikes from each of its inputs, then sends a tick of its own::

    words of spikes -> Scanner -> slot -> rows of weights -> sums ---+
    words of spikes -> Scanner -> slot -> rows of weights ---^       +-> lanes -> groups of spikes -> words -> next
                                       bias, threshold, state -------+

Layers run in parallel: while one computes tick t, the next one computes tick t - 1. They are connected by streams with
handshake, so results do not depend on timing. A connection with a delay of d ticks, recurrent ones among them, is a
stream that begins with d ticks without a spike.

*Events.* Spikes come in words of up to 32. A word without a spike takes one clock, any other word one clock per spike.
For each spike, a row of weights is added to the sums. With as many lanes as neurons, all sums are registers, and a row
takes one clock. With L lanes, N neurons form N / L rows, sums are in block RAM, and the weights of a spike take N / L
clocks.

*Places.* The place of a neuron is ``row * L + lane``. In pictures, the channels of a pixel have consecutive places, so
that a row of a kernel holds the output channels of its lanes. A *slot* is a place as the scanner numbers it: number of
the word and number of the bit, with words padded to a power of two.

=============  =====================================================================
module         subject
=============  =====================================================================
``plan``       lanes, rows, places and slots; the width of words
``scanner``    spikes out of words; words out of groups, with a delay
``walker``     which rows of weights a spike needs
``weights``    rows of weights in memory
``sums``       the sums, in registers or block RAM
``lane``       the pipeline of a neuron
``layer``      a layer
``network``    a network
=============  =====================================================================
"""

from neuristor.hdl.snn.layer import SnnLayer
from neuristor.hdl.snn.network import Snn
from neuristor.hdl.snn.plan import LayerPlan, Source, places, slots, word_bits
from neuristor.hdl.snn.scanner import Edge, Scanner
from neuristor.hdl.snn.weights import WeightRows

__all__ = [
    "Edge",
    "LayerPlan",
    "Scanner",
    "Snn",
    "SnnLayer",
    "Source",
    "WeightRows",
    "places",
    "slots",
    "word_bits",
]

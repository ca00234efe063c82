"""Describe an oxide neuron device, get an FPGA that behaves like an array of them, with proof that it does.

The public names are those in ``__all__`` of this package; docs/python.md says which of them may change. Each part is
loaded when it is first used: the golden models load no hardware tool.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

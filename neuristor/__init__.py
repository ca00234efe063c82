"""Describe an oxide neuron device, get an FPGA that behaves like an array of them, with proof that it does.

What a program may use is in ``__all__`` of this package; docs/python.md says what may change. Parts are loaded when
they are used first: the golden models need no hardware tool.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

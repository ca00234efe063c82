"""The golden model: float references and bit-true models of oxide neurons.

The hardware is tested against it. It is built on NumPy and SciPy and does not import Amaranth, so it
can be used where no hardware tool is installed.
"""

"""The command line and the design file."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("neuristor")

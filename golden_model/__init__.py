"""What the hardware must do: float references and bit-true models of oxide neurons.

NumPy and SciPy only. Nothing here imports Amaranth, so the model can be used where no
hardware tool is installed.
"""

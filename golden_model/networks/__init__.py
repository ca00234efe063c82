"""Networks: spiking layers, phase oscillators and arrays with STDP, with their data and conversions."""

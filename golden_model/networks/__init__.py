"""Networks: spiking layers, phase oscillators, arrays that learn; and what they are made from."""

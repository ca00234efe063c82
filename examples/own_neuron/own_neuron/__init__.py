"""A neuron of one's own: a leaky integrator. `golden` has the model, `circuit` the circuit."""

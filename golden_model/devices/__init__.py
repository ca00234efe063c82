"""Physical models of oxide devices, a catalogue of published devices, and the fit to measured curves."""

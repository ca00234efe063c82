"""The physics of oxide devices, and the catalogue of published ones."""

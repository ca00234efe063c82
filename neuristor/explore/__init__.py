"""The explorer: a page on this computer with sliders for a device, its circuit and its words, and what follows."""

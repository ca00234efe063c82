"""How a host talks to a core: a map of registers, and the ways to it (serial frames, Wishbone, AXI4-Lite)."""

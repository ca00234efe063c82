"""The register map of a core, and how a host accesses it: serial frames, Wishbone or AXI4-Lite."""

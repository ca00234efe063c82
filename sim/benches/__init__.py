"""What is compared: cocotb benches, their cases and scoreboards."""

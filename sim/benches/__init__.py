"""The cocotb benches that compare circuits with their bit-true models: cases, stimuli and scoreboards."""

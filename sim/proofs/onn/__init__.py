"""What the proofs of oscillator networks are made of."""

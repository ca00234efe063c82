"""Models from equations: text in, the integers of a circuit out."""

"""How fast models and simulators are, beside their peers, measured in one run."""

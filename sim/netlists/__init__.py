"""What synthesis makes of a circuit: netlists of cells, and the same as words."""

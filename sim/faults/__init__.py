"""Faults put into circuits: mutants that the regression must notice, and soft errors."""

"""Pictures: described once as named data with units, drawn for paper and for the screen, and saved as data."""

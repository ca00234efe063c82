"""Tables of the documentation that commands make."""

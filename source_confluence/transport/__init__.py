"""One request, one answer: all that touches the network; nothing is decided here."""

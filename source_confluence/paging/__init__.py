"""What a list is and how it is paged: pure functions; no sockets, clocks or threads."""

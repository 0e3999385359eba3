"""What a list is and how it is paged: pure functions; no sockets, no threads."""

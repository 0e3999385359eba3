"""One read of one list, page by page; nothing here knows a stream by its name."""

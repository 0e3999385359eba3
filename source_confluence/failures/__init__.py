"""What went wrong, in words: a table, and which answer is which row; nothing is sent."""

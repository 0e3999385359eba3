"""What each stream is: one declaration each, by subject; nothing is sent or looped here."""

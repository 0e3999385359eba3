"""What users enter, and the files a command is given; nothing is sent here."""

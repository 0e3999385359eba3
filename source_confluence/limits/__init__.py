"""When the next request may be made, by what the site has said; nothing is sent here."""

"""How a row becomes a message that destinations accept; nothing is fetched here."""

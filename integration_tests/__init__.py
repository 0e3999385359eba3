"""Tests of the installed command as its users run it: another process, over TLS."""

"""Measure how fast a site is read, in comparison with other ways to read it."""

"""Tests of `source_confluence.streams`."""

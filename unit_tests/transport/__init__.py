"""Tests of `source_confluence.transport`."""

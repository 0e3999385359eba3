"""Tests of `source_confluence.reading`."""

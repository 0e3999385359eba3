"""Tests of `source_confluence.limits`."""

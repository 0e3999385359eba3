"""Tests of `source_confluence.failures`."""

"""Tests of `source_confluence.settings`."""

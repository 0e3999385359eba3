"""Tests of `source_confluence.paging`."""

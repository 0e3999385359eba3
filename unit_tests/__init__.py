"""Tests in this process: pure ones, and whole commands against a fake site on a socket."""

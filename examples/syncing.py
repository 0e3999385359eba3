"""Sync a site into DuckDB."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import airbyte as ab
from running import CONNECTOR, keep_settings


def sync(config: dict[str, Any], folder: Path) -> Path:
    """Copy pages, blog posts and spaces into the tables of a DuckDB file.

    PyAirbyte writes them when all three have arrived: if one fails, there are none.
    """
    database = folder / "confluence.duckdb"
    try:
        source = ab.get_source("source-confluence", config=config, local_executable=CONNECTOR)
        source.config_change_callback = partial(_keep, source)
        source.check()
        source.select_streams(["pages", "blog_posts", "space"])
        with ab.DuckDBCache(db_path=database, cache_dir=folder / "cache") as tables:
            source.read(cache=tables)
    except ab.exceptions.PyAirbyteError as error:
        reason = (error.context or {}).get("failure_reason")
        sys.exit(reason or f"{error.get_message()} The reason is above. Its log: {error.log_file}")
    return database


def _keep(source: ab.Source, config: dict[str, Any]) -> None:
    """Keep the next refresh token for what is still to come of this run, and for the next one."""
    source.set_config(config, validate=False)
    keep_settings(config)

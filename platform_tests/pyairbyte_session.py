"""Use the connector as a person does in a notebook: check, look, read all into DuckDB, twice.

Runs in PyAirbyte's own environment and prints what it saw, as JSON:

    {"streams": ["pages", …], "reads": [{"pages": 620, …}, {"pages": 620, …}],
     "types": {"pages.id": "VARCHAR", …}}
"""

import json
import sys
from pathlib import Path
from typing import Any

import airbyte as ab
import pandas as pd

TYPES = "SELECT table_name || '.' || column_name, data_type FROM information_schema.columns"


def main(config_file: str, way: str, connector: str) -> dict[str, Any]:
    """`way` is how PyAirbyte gets the connector: `local_executable` or `pip_url`."""
    config = json.loads(Path(config_file).read_text())
    source = ab.get_source("source-confluence", config=config, **{way: connector})
    source.check()
    streams = source.get_available_streams()
    source.select_all_streams()
    cache = ab.new_local_cache("confluence", cache_dir=Path("cache"))
    reads = [
        {name: len(dataset) for name, dataset in source.read(cache=cache).streams.items()}
        for _ in range(2)
    ]
    types = pd.read_sql(TYPES, cache.get_sql_engine())
    return {
        "streams": streams,
        "reads": reads,
        "types": dict(types.itertuples(index=False, name=None)),
    }


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main(*sys.argv[1:])) + "\n")

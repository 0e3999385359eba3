"""Read the streams that can be read incrementally into DuckDB, on top of what is there already.

Runs in PyAirbyte's own environment, in the folder of its cache, which keeps the tables and the
state of the last run. Prints how many records came, and what the tables hold:

    {"record_count": 5, "tables": {"pages": [{"id": "65538", "status": "gone", …}, …]}}
"""

import json
import sys
from pathlib import Path
from typing import Any

import airbyte as ab
import pandas as pd

WAYS: dict[str, dict[str, Any]] = {
    "incremental": {},
    "replace": {"force_full_refresh": True, "write_strategy": "replace"},
}


def main(config_file: str, connector: str, way: str, *streams: str) -> dict[str, Any]:
    """`connector` is the path of its command, `way` one of `WAYS`."""
    config = json.loads(Path(config_file).read_text())
    source = ab.get_source("source-confluence", config=config, local_executable=connector)
    source.select_streams([*streams])
    cache = ab.new_local_cache("confluence", cache_dir=Path("cache"))
    result = source.read(cache=cache, **WAYS[way])
    frames = {name: pd.read_sql(f"FROM main.{name}", cache.get_sql_engine()) for name in streams}
    return {
        "record_count": result.processed_records,
        "tables": {n: json.loads(frame.to_json(orient="records")) for n, frame in frames.items()},
    }


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main(*sys.argv[1:])) + "\n")

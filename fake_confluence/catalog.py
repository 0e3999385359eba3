"""Make the configured catalog that a platform passes with `--catalog`."""

from typing import Any


def configured_catalog(*names: str, is_incremental: bool = False) -> dict[str, Any]:
    """A configured catalog with these streams, in this order; schemas are left out.

    Args:
        names: The streams.
        is_incremental: Whether only what is new is read of them, instead of everything.

    Source: https://docs.airbyte.com/understanding-airbyte/airbyte-protocol/#configuredairbytecatalog
    """
    modes = ["full_refresh", "incremental"] if is_incremental else ["full_refresh"]
    return {
        "streams": [
            {
                "stream": {"name": n, "json_schema": {}, "supported_sync_modes": modes},
                "sync_mode": modes[-1],
                "destination_sync_mode": "append_dedup" if is_incremental else "overwrite",
            }
            for n in names
        ]
    }

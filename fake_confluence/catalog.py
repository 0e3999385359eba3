"""Make the configured catalog that a platform passes with `--catalog`."""

from typing import Any


def configured_catalog(*names: str) -> dict[str, Any]:
    """A configured catalog with these streams, in this order; schemas are left out.

    Source: https://docs.airbyte.com/understanding-airbyte/airbyte-protocol/#configuredairbytecatalog
    """
    return {
        "streams": [
            {
                "stream": {"name": n, "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
                "sync_mode": "full_refresh",
                "destination_sync_mode": "overwrite",
            }
            for n in names
        ]
    }

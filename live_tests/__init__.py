"""Try the connector on a real site: `scripts/test-live`, with your own `secrets/config.json`."""

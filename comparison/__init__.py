"""Compare what two versions of the connector print about the same fake sites."""

"""See the connector run where its users run it; each module needs what a script makes first."""

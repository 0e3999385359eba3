"""Start the connector as Airbyte's tools do: `python main.py spec|check|discover|read`."""

from source_confluence.run import run

if __name__ == "__main__":
    run()

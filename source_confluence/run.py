"""Start the connector from a command line: `source-confluence spec|check|discover|read`."""

import sys

from airbyte_cdk.entrypoint import launch

from source_confluence.source import SourceConfluence


def run() -> None:
    """Answer one command of the Airbyte protocol on standard output.

    Source: https://docs.airbyte.com/understanding-airbyte/airbyte-protocol
    """
    launch(SourceConfluence(), sys.argv[1:])

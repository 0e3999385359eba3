"""Start the connector from a command line: `source-confluence spec|check|discover|read`."""

import gc
import sys

from source_confluence import output

_INTERRUPTED = 130


def run() -> None:
    """Answer one command of the Airbyte protocol on standard output.

    Exit codes: 1 when a command fails; 74 when standard output cannot be written (a full disk); as
    a shell has it, 141 when nobody reads it (`read | head`) and 130 after Ctrl-C. A `read` that is
    told to stop ends its streams, then exits with 1.

    Source: https://docs.airbyte.com/understanding-airbyte/airbyte-protocol
    """
    standard_output = output.StandardOutput.install()
    try:
        _answer(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 (what Python would do, while it can still fail)
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)
    finally:
        output.flush()  # at its own end, Python would print where it fails
        standard_output.raise_if_failed()


def _answer(arguments: list[str]) -> None:
    """Run the command, with the imports kept out of Python's garbage collector.

    Otherwise it would visit their half million objects again and again: a tenth more CPU, for start
    and read together.
    """
    gc.disable()
    from source_confluence.entrypoint import Entrypoint  # noqa: PLC0415 (while it is disabled)
    from source_confluence.source import SourceConfluence  # noqa: PLC0415

    gc.enable()
    gc.freeze()
    entrypoint = Entrypoint(SourceConfluence())
    for message in entrypoint.run(entrypoint.parse_args(arguments)):
        output.write_line(f"{message}\n".encode())

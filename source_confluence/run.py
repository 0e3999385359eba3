"""Start the connector from a command line: `source-confluence spec|check|discover|read`."""

import gc
import sys
from importlib.metadata import version

from source_confluence import output

_INTERRUPTED = 130
_WRONG_USAGE = 2
_USAGE = """\
usage: source-confluence COMMAND [OPTIONS]

Copy a Confluence Cloud site. Each line that is printed is a message of the Airbyte protocol.

commands:
  spec                                print which settings there are
  check --config FILE                 test whether the settings work
  discover --config FILE              print the streams and their fields
  read --config FILE --catalog FILE   print the records of the streams in the catalog
    [--state FILE]                    and resume where the read that printed this state stopped

options:
  --version                           print the version
  --help                              print this; after a command, print its options

FILE is a JSON file. That of --config holds the settings, at least
  {"email": "ada@acme.com", "api_token": "ATATT3x…", "domain_name": "acme.atlassian.net"}
"""


def run() -> None:
    """Answer one command of the Airbyte protocol on standard output.

    Exit codes: 1 when a command fails; 2 when there is no such command or option; 74 when standard
    output cannot be written (a full disk); as a shell has it, 141 when nobody reads it
    (`read | head`) and 130 after Ctrl-C. A `read` that is told to stop ends its streams, then exits
    with 1.

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
    """Print the version or the usage, which needs no CDK, or run the command."""
    if arguments == ["--version"]:
        line = f"source-confluence {version('airbyte-source-confluence')}\n"
        output.write_line(line.encode())
    elif arguments in (["--help"], ["-h"]):
        output.write_line(_USAGE.encode())
    elif arguments:
        _run_command(arguments)
    else:
        if sys.__stderr__ is not None:  # it was closed
            sys.__stderr__.write(_USAGE)
        sys.exit(_WRONG_USAGE)


def _run_command(arguments: list[str]) -> None:
    """Run the command, with the imports kept out of Python's garbage collector.

    Otherwise it would visit their half million objects again and again: a tenth more CPU, for start
    and read together.
    """
    gc.disable()
    from source_confluence.entrypoint import Entrypoint  # noqa: PLC0415 (while it is disabled)
    from source_confluence.source import SourceConfluence  # noqa: PLC0415

    gc.enable()
    gc.freeze()
    parsed = Entrypoint.parse_args(arguments)
    entrypoint = Entrypoint(SourceConfluence())
    for message in entrypoint.run(parsed):
        output.write_line(f"{message}\n".encode())

"""Start the connector by the name of its package: `python -m source_confluence`."""

import sys

from source_confluence.run import run

if __name__ == "__main__":
    sys.argv[0] = "source-confluence"  # what messages call it
    run()

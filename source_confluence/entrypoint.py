"""Print the messages of a read in as few steps as possible."""

from collections.abc import Iterable
from typing import Any

import orjson
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer, ConnectorSpecification

from source_confluence import output

_LINE = orjson.OPT_APPEND_NEWLINE


class Entrypoint(AirbyteEntrypoint):
    """The CDK's entry point, except for the way the messages of a read take to standard output.

    `launch` of airbyte-cdk 7.39.1 makes text of the bytes that orjson gives, appends a line break,
    collects that in a buffer of 4 bytes per character, and encodes it again: a fifth of the CPU of
    a read, and 0.1 s in which a message is not printed.
    """

    def read(
        self,
        source_spec: ConnectorSpecification,
        config: Any,  # noqa: ANN401 (the CDK's signature)
        catalog: Any,  # noqa: ANN401
        state: list[Any],
    ) -> Iterable[AirbyteMessage]:
        """Print all messages; nothing is left for the CDK to print."""
        for message in super().read(source_spec, config, catalog, state):
            try:
                line = orjson.dumps(AirbyteMessageSerializer.dump(message), option=_LINE)
            except TypeError:  # an integer beyond 64 bits; the CDK then asks the standard library
                line = f"{self.airbyte_message_to_string(message)}\n".encode()
            output.write_line(line)
        return ()

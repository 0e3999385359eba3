"""Say where a read goes on after a page, and understand what an earlier read has said.

    {"of": "acme.atlassian.net/wiki/api/v2/pages", "cursor": "eyJpZCI6…"}
    {"of": "acme.atlassian.net/wiki/rest/api/audit", "endDate": 1795348800000, "start": 2000}
    {"__ab_full_refresh_sync_complete": true}

A position means something only in the list of the site it was made in, so the state names that. The
last form, the CDK's own, is the end; a read that is given it starts over.

Source: https://docs.airbyte.com/understanding-airbyte/airbyte-protocol/#state--checkpointing
"""

from collections.abc import Mapping
from typing import Any

from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    StreamDescriptor,
    Type,
)

Position = Mapping[str, str | int]
"""The query parameters that name a place in a list: `{"cursor": "eyJpZCI6…"}`."""

COMPLETE: Mapping[str, Any] = {"__ab_full_refresh_sync_complete": True}
"""The state after the last page; airbyte-cdk 7.39.1 stops reading a stream that has it."""

_OF = "of"


def state_at(position: Position, *, of: str) -> dict[str, Any]:
    """The state that leads to a position in the list `of`: host and path."""
    return {_OF: of, **position}


def position_in(state: Mapping[str, Any], *, of: str, like: Position) -> Position | None:
    """The position that a state names, or None when it is no state of ours for this list.

    Args:
        state: What an earlier read printed, or anything else.
        of: The list, host and path, that is about to be read.
        like: A position of this list, which shows the names and types of its parameters.
    """
    position = {name: value for name, value in state.items() if name != _OF}
    if state.get(_OF) != of or set(position) != set(like):
        return None
    if not all(_is_like(position[name], like[name]) for name in like):
        return None
    return position


def _is_like(value: object, example: str | int) -> bool:
    if isinstance(example, str):
        return isinstance(value, str) and bool(value)
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def start_over(stream: str) -> AirbyteMessage:
    """A message that takes back every state before it: the next read begins at the first page."""
    state = AirbyteStreamState(
        stream_descriptor=StreamDescriptor(name=stream), stream_state=AirbyteStateBlob()
    )
    return AirbyteMessage(
        type=Type.STATE, state=AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=state)
    )

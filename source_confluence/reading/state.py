"""Say where a read resumes, and understand what an earlier read has said.

    {"of": "acme.atlassian.net/wiki/api/v2/pages", "cursor": "eyJpZCI6…"}
    {"of": "acme.atlassian.net/wiki/rest/api/audit", "endDate": 1795348800000, "start": 2000,
     "rowBefore": "9f86d081884c7d65"}
    {"__ab_full_refresh_sync_complete": true}

A position means something only in the list of the site it was made in, so the state names that. In
a list whose rows move, it also knows the row before by a digest; version 2.0.0 did not say it. The
last form, the CDK's own, is the end; a read that is given it starts over.

Source: https://docs.airbyte.com/understanding-airbyte/airbyte-protocol/#state--checkpointing
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateMessageSerializer,
    AirbyteStateType,
    AirbyteStreamState,
    StreamDescriptor,
    Type,
)

from source_confluence.paging.pager import Position

COMPLETE: Mapping[str, Any] = {"__ab_full_refresh_sync_complete": True}
"""The state after the last page; airbyte-cdk 7.39.1 stops reading a stream that has it."""

_OF = "of"
_SENDABLE = re.compile("[^\ud800-\udfff]+")
_MAX_DEPTH = 50  # levels; ours are flat, and the CDK copies a state level by level
_MAX_NAMED = 5


def state_at(position: Position, *, of: str) -> dict[str, Any]:
    """The state that leads to a position in the list `of`: host and path."""
    return {_OF: of, **position}


def position_in(
    state: Mapping[str, Any], *, of: str, like: Position, mark: Position
) -> Position | None:
    """The position that a state names, or None when it is no state of ours for this list.

    Args:
        state: What an earlier read printed, or anything else.
        of: The list, host and path, that is about to be read.
        like: A position of this list, which shows the names and types of its parameters.
        mark: What the state may say besides, in the same way.
    """
    position = {name: value for name, value in state.items() if name != _OF}
    if state.get(_OF) != of or not set(like) <= set(position) <= {*like, *mark}:
        return None
    known = {**like, **mark}
    are_like = all(is_like(value, known[name]) for name, value in position.items())
    return position if are_like else None


def is_like(value: object, example: str | int) -> bool:
    """Whether it can stand where the example does: a text that can be sent, or a count."""
    if isinstance(example, str):
        return isinstance(value, str) and _SENDABLE.fullmatch(value) is not None
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def why_ignored(state: Mapping[str, Any], *, of: str, is_incremental: bool) -> tuple[int, str]:
    """The level and the text of what to log about a state that is of no use.

    One of the other sync mode is nothing to warn of. The text takes the stream and the list.
    """
    if state.get(_OF) == of and ("recent" in state) is not is_incremental:
        return logging.INFO, "Stream '%s' is read in another sync mode now; reading all of %s."
    return logging.WARNING, (
        "The state of stream '%s' is not one that this connector has made for %s; "
        "reading from the beginning."
    )


def states_in(document: object) -> tuple[list[AirbyteStateMessage], str]:
    """The states of streams among what a read is given, and a warning when it is given more.

    Args:
        document: `[{"type": "STREAM", "stream": {"stream_descriptor": {"name": "pages"}, …}}]`, or
            any other JSON. Null, `{}` and `[]` are given to a first read.

    Returns:
        What can be handed to the CDK, and a warning about what is ignored, or an empty text.
    """
    if document in (None, {}, []):
        return [], ""
    if not isinstance(document, list):
        return [], (
            "What --state gives is no list of states, and is ignored. "
            "All streams are read from the beginning."
        )
    states = [_state_of_a_stream(entry) for entry in document]
    ignored = [number for number, state in enumerate(states, 1) if state is None]
    return [state for state in states if state is not None], _warning(ignored, len(document))


def _state_of_a_stream(entry: object) -> AirbyteStateMessage | None:
    if not isinstance(entry, dict) or _is_deeper(entry, _MAX_DEPTH):
        return None
    stream = entry.get("stream")
    if entry.get("type") != "STREAM" or not isinstance(stream, dict):
        return None
    if not isinstance(stream.get("stream_state"), dict | None):
        return None  # of a list of pairs, airbyte-cdk 7.39.1 would make a state
    try:
        return AirbyteStateMessageSerializer.load(entry)
    except ValueError:
        return None


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    children = value.values() if isinstance(value, dict) else value
    return not levels or any(_is_deeper(child, levels - 1) for child in children)


def _warning(ignored: list[int], count: int) -> str:
    if not ignored:
        return ""
    numbers = ", ".join(map(str, ignored[:_MAX_NAMED]))
    more = ", …" if len(ignored) > _MAX_NAMED else ""
    return (
        f"Of the list that --state gives, {len(ignored)} of {count} entries (number {numbers}"
        f"{more}) are ignored, because they are no state of a stream. "
        "A stream that has no other state in it is read from the beginning."
    )


def state_message(stream: str, state: Mapping[str, Any]) -> AirbyteMessage:
    """The message that says where a later read resumes; with `{}` it begins at the first page."""
    entry = AirbyteStreamState(
        stream_descriptor=StreamDescriptor(name=stream), stream_state=AirbyteStateBlob(state)
    )
    return AirbyteMessage(
        type=Type.STATE,
        state=AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=entry),
    )

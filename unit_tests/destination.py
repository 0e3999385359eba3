"""Keep what reads print, as a destination that appends and deduplicates does."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from fake_confluence.catalog import configured_catalog
from unit_tests.protocol import Message, Outcome, run_until
from unit_tests.streams_under_test import CURSOR_FIELDS, KEYS

GONE = "gone"


class Destination:
    """Of each row the record with the greatest cursor field, of equal ones the last that came.

    Attributes:
        rows: What is there of each stream, by key.
        states: The last state of each stream, as the platform hands it to the next read.
    """

    def __init__(self) -> None:
        self.rows: defaultdict[str, dict[str, Message]] = defaultdict(dict)
        self.states: dict[str, Message] = {}

    def take(self, messages: Iterable[Message]) -> None:
        """Take what a read has printed."""
        for message in messages:
            if message["type"] == "RECORD":
                self._keep(message["record"]["stream"], message["record"]["data"])
            elif message["type"] == "STATE":
                state = message["state"]
                self.states[state["stream"]["stream_descriptor"]["name"]] = state

    def alive(self, stream: str, statuses: Collection[str]) -> dict[str, Message]:
        """The rows that have one of the statuses, by id: what is gone has none of them."""
        rows = self.rows[stream]
        return {own_id: row for own_id, row in rows.items() if row["status"] in statuses}

    def gone(self, stream: str) -> set[str]:
        """The ids of what is gone."""
        return set(self.alive(stream, [GONE]))

    def _keep(self, stream: str, record: Message) -> None:
        key, cursor_field = record[KEYS[stream]], CURSOR_FIELDS[stream]
        kept = self.rows[stream].get(key, record)
        if record[cursor_field] >= kept[cursor_field]:
            self.rows[stream][key] = record


class Connection:
    """A site, a destination and the state between them: one sync after the other.

    Args:
        config: How the site is reached.
        streams: What is read incrementally.
        settings: Further settings of all syncs.

    Attributes:
        destination: What has arrived.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *streams: str,
        **settings: Any,  # noqa: ANN401 (as users enter them)
    ) -> None:
        self.config = {**config, **settings}
        self.streams = streams
        self.destination = Destination()

    def sync(self, **settings: Any) -> Outcome:  # noqa: ANN401
        """Read to the end, and take all of it; other settings are those of this sync only."""
        return self._read(None, settings)

    def sync_in_full(self, **settings: Any) -> Outcome:  # noqa: ANN401
        """The same as full refresh: what comes overwrites what was there."""
        self.destination.rows.clear()
        return self._read(None, settings, in_full=True)

    def sync_killed_after(
        self,
        line_count: int,
        *,
        rest_arrives: bool = True,
        **settings: Any,  # noqa: ANN401
    ) -> Outcome:
        """Read so many lines: there the process dies.

        Args:
            line_count: How many.
            rest_arrives: Whether the destination keeps the records that came after the last state;
                it may do either.
            settings: Other settings of this sync only.
        """
        return self._read(line_count, settings, rest_arrives=rest_arrives)

    def _read(
        self,
        line_count: int | None,
        settings: Mapping[str, Any],
        *,
        rest_arrives: bool = True,
        in_full: bool = False,
    ) -> Outcome:
        outcome = run_until(
            line_count,
            "read",
            config={**self.config, **settings},
            catalog=configured_catalog(*self.streams, is_incremental=not in_full),
            state=list(self.destination.states.values()),
        )
        for stream in self.streams:
            assert_once(outcome.records(stream), KEYS[stream])
        printed = outcome.messages
        self.destination.take(printed if rest_arrives else _until_last_state(printed))
        return outcome


def assert_once(records: Iterable[Message], key: str) -> None:
    """No record of a read has the key of another."""
    counts = Counter(record[key] for record in records)
    assert not {each: count for each, count in counts.items() if count > 1}


def _until_last_state(messages: list[Message]) -> list[Message]:
    types = [message["type"] for message in messages]
    return messages[: len(types) - types[::-1].index("STATE")] if "STATE" in types else []

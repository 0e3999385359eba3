"""Read a site that misbehaves, in one sync mode or the other, on a clock that does not wait."""

import base64
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from urllib.parse import quote

from fake_confluence import Call, Clock, Fault, RunningSite, Service, serve
from fake_confluence.catalog import configured_catalog
from fake_confluence.cloud import Cloud, CloudSite
from fake_confluence.cloud_server import RunningCloud, serve_cloud
from integration_tests.changing_site import NOON, alive, visible
from integration_tests.connector import HurriedConnector, Message, messages
from integration_tests.fault_matrix import ALL, FIRST_PAGE, Row
from unit_tests.destination import Destination
from unit_tests.streams_under_test import (
    BY_ID,
    CURSOR_FIELDS,
    NAMES,
    OFFSETS,
    PATHS,
    PINNED,
    PREFETCHED,
    contents,
)

CONTENT = contents({}, others=ALL)
SHORT = ("4", "2")
"""MB that a body may have, and seconds that it may take."""
REAL = ("64", "60")
HOST = "acme.atlassian.net"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How streams are read.

    Args:
        streams: Which ones.
        is_incremental: Whether only what is new is read of them.
        num_workers: How many requests are in flight at a time.
        kind: Of credentials, one of `CREDENTIALS`, with which Atlassian's cloud is read by its real
            names; empty for a site on localhost.
    """

    streams: tuple[str, ...] = NAMES
    is_incremental: bool = False
    num_workers: int = 1
    kind: str = ""

    def __str__(self) -> str:
        words = ["incremental"] if self.is_incremental else []
        words += ["parallel"] if self.num_workers > 1 else []
        return "-".join(words + ([self.kind] if self.kind else []))

    def requests_before(self, stream: str) -> int:
        """How many requests come before that for the first page: one, for the newest row."""
        return int(self.is_incremental and stream in PREFETCHED)

    def planned(self, fault: Mapping[str, Any], stream: str) -> Fault:
        """The fault from the second page on, where a list by offset has the row before in front."""
        place = {"first": 2 + self.requests_before(stream), "row": int(stream in OFFSETS)}
        return Fault(**{**place, **fault}, path=PATHS[stream])


IS_SHORT = os.environ.get("HYPOTHESIS_PROFILE", "short") == "short"
INCREMENTAL = Mode(
    streams=(BY_ID, PINNED) if IS_SHORT else tuple(CURSOR_FIELDS), is_incremental=True
)
"""One stream for each kind of paging; in CI, all that can be read like that."""


@dataclass
class Outcome:
    """What one run with a fault said, and what the site saw of it."""

    done: CompletedProcess[str]
    messages: list[Message]
    waits: list[float]
    peak_mb: int
    paths: list[str]
    secrets: list[str]

    def records(self, stream: str) -> list[Message]:
        records = [m["record"] for m in self.messages if m["type"] == "RECORD"]
        return [record for record in records if record["stream"] == stream]

    def traces(self, kind: str) -> list[Message]:
        traces = [m["trace"] for m in self.messages if m["type"] == "TRACE"]
        return [trace[kind] for trace in traces if trace.get(kind)]

    def endings(self, stream: str) -> list[str]:
        statuses = [s for s in self.traces("stream_status") if name_of(s) == stream]
        return [s["status"] for s in statuses if "COMPLETE" in s["status"]]

    def errors(self, stream: str) -> list[Message]:
        return [e for e in self.traces("error") if name_of(e) == stream]


def name_of(trace: Message) -> str | None:
    descriptor = trace.get("stream_descriptor")
    return descriptor["name"] if descriptor else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A site of a cloud, and one kind of credentials for it.

    Args:
        running: The cloud.
        kind: One of `CREDENTIALS`.
        config: Settings of the connector.
    """

    running: RunningCloud
    kind: str
    config: Mapping[str, Any]

    @property
    def environment(self) -> Mapping[str, str]:
        """What lets the connector find the cloud."""
        return self.running.environment

    @property
    def service(self) -> Service:
        """The site that is meant."""
        return self.running.cloud.sites[0].service

    @property
    def calls(self) -> list[Call]:
        """What came to that site."""
        return self.service.calls


class Trial:
    """A site, the connector that reads it, and a destination that keeps what is new.

    Args:
        site: The site; its clock stands at noon until a test moves it.
        connector: The connector.

    Attributes:
        destination: What incremental reads have brought.
    """

    def __init__(self, site: RunningSite | SignedIn, connector: HurriedConnector) -> None:
        self.site = site
        self.destination = Destination()
        self._connector = connector

    def misbehave(self, row: Row, mode: Mode, **place: Any) -> None:  # noqa: ANN401
        """Let the fault of a row happen from now on, to each stream that it concerns.

        Args:
            row: The row.
            mode: How the site is about to be read.
            place: Where else than at the second page: `first=4`.
        """
        fault = {**row.fault, **place}
        self.site.service.misbehave(*(mode.planned(fault, name) for name in row.concerns))

    @property
    def secrets(self) -> list[str]:
        """What must not be told."""
        return secrets(self.site)

    def use(self, config: Mapping[str, Any]) -> None:
        """Enter other settings, from now on."""
        self._connector.written(self._connector.config, config)

    def run(self, command: str, *more: str | Path) -> CompletedProcess[str]:
        """Run a command that needs the settings."""
        return self._connector.run(command, "--config", self._connector.config, *more)

    def read(self, mode: Mode) -> Outcome:
        """Read on from the last states, with `--debug`, which logs every request."""
        connector, seen = self._connector, len(self.site.calls)
        catalog = configured_catalog(*mode.streams, is_incremental=mode.is_incremental)
        states = list(self.destination.states.values()) if mode.is_incremental else []
        words: list[str | Path] = ["read", "--debug", "--config", connector.config]
        words += ["--catalog", connector.written(connector.catalog, catalog)]
        words += ["--state", connector.written(connector.config.with_name("state.json"), states)]
        done = connector.run(*words)
        outcome = Outcome(
            done=done,
            messages=messages(done),
            **json.loads(connector.report.read_text()),
            paths=[call.path for call in self.site.calls[seen:]],
            secrets=self.secrets,
        )
        if mode.is_incremental:
            self.destination.take(outcome.messages)
        return outcome


def secrets(site: RunningSite | SignedIn) -> list[str]:
    """Tokens and secrets, in the forms that they might be told in."""
    if isinstance(site, SignedIn):
        plain = site.running.cloud.secrets
        encoded = [base64.b64encode(secret.encode()).decode() for secret in plain]
        return [*plain, *encoded, *map(quote, plain), *(quote(each, safe="") for each in plain)]
    token = site.config["api_token"]
    signed = base64.b64encode(f"{site.config['email']}:{token}".encode()).decode()
    return [token, signed, signed.rstrip("="), base64.b64encode(token.encode()).decode()]


@contextmanager
def trial(
    folder: Path, num_workers: int = 1, bounds: Sequence[str] = SHORT, kind: str = ""
) -> Iterator[Trial]:
    """A site of twelve rows of each list, five of which fit into a response."""
    service = Service(CONTENT, page_cap=FIRST_PAGE, clock=Clock(frozen_at=NOON))
    with _running(service, {"num_workers": num_workers}, kind) as site:
        yield Trial(site, HurriedConnector(folder, site, bounds))


@contextmanager
def _running(
    service: Service, settings: Mapping[str, Any], kind: str
) -> Iterator[RunningSite | SignedIn]:
    """The site on localhost or, for a kind of credentials, in Atlassian's cloud."""
    if not kind:
        with serve(service, settings=settings) as site:
            yield site
        return
    with serve_cloud(Cloud(CloudSite(host=HOST, service=service), clock=Clock())) as running:
        yield SignedIn(running=running, kind=kind, config={**running.config(kind), **settings})


def assert_whole_after_recovery(each: Trial) -> None:
    """An incremental read of a site that does not misbehave makes the destination equal to it."""
    each.site.service.recover()
    outcome = each.read(INCREMENTAL)
    for stream in INCREMENTAL.streams:
        assert outcome.endings(stream) == ["COMPLETE"]
        assert alive(each.destination, stream) == visible(each.site, stream)

"""Run one scenario with one version of the connector, on a fake site of its own."""

import base64
import json
import os
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comparison.starter import Starters
from fake_confluence import Call, Content, Fault, RunningSite, Service, serve
from fake_confluence.catalog import configured_catalog
from unit_tests.streams_under_test import NAMES, contents

HOST = "site.of.the.scenario"
"""Stands in states for the host, which is another one, by its port, in each run."""

READ = ("read", "--config", "config.json", "--catalog", "catalog.json")
ROWS = 12
SMALL = contents({}, others=ROWS)
ROWS_AT_A_TIME = 5

_SETTLING_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is done, and on which site.

    Args:
        name: Tells it from the others.
        command: What is run: `("check", "--config", "config.json")`.
        content: What the site holds.
        page_cap: The most rows that it gives in one answer.
        faults: What goes wrong.
        service: More arguments of `Service`.
        config: Settings beside those for this site, or instead; None takes one away.
        files: Files with these texts, or without a text none, instead of those that would do.
        streams: What the catalog names.
        state: What `--state` gives, with HOST for the host.
        num_workers: How many requests may be in flight.
        is_hurried: Whether waits take no time.
        answer_seconds: How long to wait for an answer when waits take no time.
        longest_seconds: How long to wait for anything else then.
        is_secret: Whether it only counts that the token is not printed; in others it counts, too.
    """

    name: str
    command: Sequence[str] = READ
    content: Content = SMALL
    page_cap: int | None = ROWS_AT_A_TIME
    faults: Sequence[Fault] = ()
    service: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str | None] = field(default_factory=dict)
    streams: Sequence[str] = NAMES
    state: str = ""
    num_workers: int = 1
    is_hurried: bool = False
    answer_seconds: float = 60.0
    longest_seconds: float = 600.0
    is_secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What came of one run.

    Args:
        host: The host of its site.
        stdout: Lines.
        stderr: The same.
        exit_code: As it is.
        calls: What the site was asked for, in order.
    """

    host: str
    stdout: Sequence[str]
    stderr: Sequence[str]
    exit_code: int
    calls: Sequence[str]


class _OrderlyService(Service):
    """Takes requests that come at about the same time by their names, one after the other.

    So that with several workers, too, it does not depend on threads which of them is the second
    one and has the planned fault, and which answer comes first.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (the base's)
        super().__init__(*args, **kwargs)
        self._arrived = threading.Condition()
        self._waiting: list[tuple[str, int]] = []
        self._free_at = 0.0

    def reply(self, call: Call) -> Any:  # noqa: ANN401 (the base's)
        """The answer, when it is this one's turn."""
        with self._arrived:
            own = (f"{call.path} {sorted(call.params)}", time.monotonic_ns())
            self._waiting.append(own)
            self._free_at = time.monotonic() + _SETTLING_SECONDS
            while own != min(self._waiting) or time.monotonic() < self._free_at:
                self._arrived.wait(_SETTLING_SECONDS / 2)
            self._waiting.remove(own)
            self._free_at = time.monotonic() + _SETTLING_SECONDS
        return super().reply(call)


def printed(scenario: Scenario, version: Path, starters: Starters) -> Printed:
    """What the version in that folder prints.

    Args:
        scenario: What is done.
        version: A folder that holds the package.
        starters: Run its command.
    """
    kind = Service if scenario.num_workers == 1 else _OrderlyService
    service = kind(
        scenario.content, faults=scenario.faults, page_cap=scenario.page_cap, **scenario.service
    )
    settings = {"num_workers": scenario.num_workers}
    with (
        serve(service, settings=settings) as site,
        tempfile.TemporaryDirectory(prefix="compare-") as folder,
    ):
        arguments = _written(scenario, site, Path(folder))
        hurry = [scenario.answer_seconds, scenario.longest_seconds]
        order = {
            "path": str(version),
            "arguments": arguments,
            "folder": folder,
            "environment": {**os.environ, "REQUESTS_CA_BUNDLE": str(site.ca_file)},
            "hurry": hurry if scenario.is_hurried else [],
        }
        exit_code = starters.run(order)
        calls = [f"{call.method} {call.path} {call.params}" for call in site.calls]
        out, errors = (_text(Path(folder) / name) for name in ("stdout", "stderr"))
        leaks = [
            f"{version.name} prints the token" for each in _secrets(site) if each in out + errors
        ]
        return Printed(
            host=site.host,
            stdout=[*([] if scenario.is_secret else out.split("\n")), *leaks],
            stderr=errors.split("\n"),
            exit_code=exit_code,
            calls=calls,
        )


def _text(file: Path) -> str:
    return file.read_bytes().decode(errors="replace")


def _written(scenario: Scenario, site: RunningSite, folder: Path) -> list[str]:
    """The arguments, when the files that they name are written."""
    config = {**site.config, **scenario.config}
    config = {name: value for name, value in config.items() if value is not None}
    files: dict[str, str | None] = {
        "config.json": json.dumps(config),
        "catalog.json": json.dumps(configured_catalog(*scenario.streams)),
    }
    arguments = list(scenario.command)
    if scenario.state:
        files["state.json"] = scenario.state.replace(HOST, site.host)
        arguments += ["--state", "state.json"]
    for name, text in {**files, **scenario.files}.items():
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    return arguments


def _secrets(site: RunningSite) -> list[str]:
    """The token in each form in which it might be printed."""
    token = str(site.config["api_token"])
    signed = base64.b64encode(f"{site.config['email']}:{token}".encode()).decode()
    return [token, signed, signed.rstrip("="), base64.b64encode(token.encode()).decode()]

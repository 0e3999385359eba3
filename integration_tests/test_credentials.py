"""Every kind of credentials, by Atlassian's real names: complete, or an error; nothing leaks."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest

from fake_confluence import Call, Fault, Service
from fake_confluence.catalog import configured_catalog
from fake_confluence.cloud import API_HOST, AUTH_HOST, Cloud, CloudSite
from fake_confluence.cloud_server import RunningCloud, serve_cloud
from fake_confluence.credentials import (
    BEARER_TOKEN,
    CLASSIC,
    CLIENTS,
    CREDENTIALS,
    OAUTH,
    TOKENS,
    Grant,
)
from integration_tests.connector import COMMAND, Connector, HurriedConnector, Message
from integration_tests.credential_matrix import (
    ELSEWHERE,
    FORMER,
    HERE,
    MATRIX,
    SCOPED,
    SOON,
    TOKEN,
    Row,
    table,
)
from integration_tests.faulty_read import IS_SHORT, Mode, Outcome, SignedIn, Trial
from integration_tests.test_fault_matrix import (
    assert_every_line_is_a_message,
    assert_no_secret_is_told,
)
from unit_tests.streams_under_test import BY_ID, NAMES, PINNED, TABLE, contents

ROOT = Path(__file__).parents[1]
CONTENT = contents({}, others=12)
ONE, SIXTEEN = Mode(), Mode(num_workers=16)


@contextmanager
def cloud_trial(
    folder: Path, row: Row, kind: str, mode: Mode = ONE
) -> Iterator[tuple[Trial, RunningCloud]]:
    """The site that is meant, and another one, in a cloud where the row is about to happen."""
    here = Service(CONTENT, page_cap=5)
    sites = [
        CloudSite(host=HERE, service=here, former_hosts=(FORMER,)),
        CloudSite(host=ELSEWHERE, service=Service(contents({}, others=2))),
    ]
    cloud = Cloud(*sites, grants={kind: row.grant}, faults=row.faults)
    with serve_cloud(cloud, settings={"num_workers": mode.num_workers}) as running:
        config = running.config(kind, **row.config)
        site = SignedIn(running=running, kind=kind, config=config)
        row.prepare(cloud, kind)
        yield Trial(site, HurriedConnector(folder, site)), running


def rows() -> Iterator[tuple[Row, str, Mode]]:
    """Each row with each kind it concerns; where somebody waits, with the first kind only."""
    for row in MATRIX:
        kinds = row.kinds[:1] if IS_SHORT and len(row.kinds) < len(CREDENTIALS) else row.kinds
        yield from product([row], kinds, [ONE, SIXTEEN])


@pytest.mark.parametrize(
    ("row", "kind", "mode"),
    [pytest.param(*each, id=f"{each[0].what}-{each[1]}-{each[2]}") for each in rows()],
)
def test_each_row_ends_as_the_table_says(row: Row, kind: str, mode: Mode, tmp_path: Path) -> None:
    with cloud_trial(tmp_path, row, kind, mode) as (each, running):
        outcome = each.read(mode)
    assert_endings(row, outcome)
    assert_no_secret_is_told(outcome)
    assert_every_line_is_a_message(outcome)
    assert_secrets_went_where_they_belong(running, kind)
    requests = running.calls[AUTH_HOST]
    if row.token_requests is not None:
        assert len(requests) == row.token_requests
    assert len(requests) <= (6 + (mode.num_workers > 1)) * len(NAMES)
    assert_settings_are_handed_on(row, outcome, running, kind)


def assert_endings(row: Row, outcome: Outcome) -> None:
    for stream in NAMES:
        key = TABLE[stream].own_key
        ids = [str(record["data"][key]) for record in outcome.records(stream)]
        wanted = [str(each[key]) for each in CONTENT.rows(stream)]
        [end] = outcome.endings(stream)
        may_fail = row.failed is None or stream in row.failed
        assert ids == (wanted if end == "COMPLETE" else wanted[: len(ids)])
        assert end == "COMPLETE" or may_fail
        assert (end == "INCOMPLETE") == bool(outcome.errors(stream))
        if row.failed:
            assert (end == "INCOMPLETE") == may_fail
        for error in outcome.errors(stream):
            assert_error(row, error)
    failed = [stream for stream in NAMES if outcome.endings(stream) == ["INCOMPLETE"]]
    assert bool(failed) == (row.failed != ())
    assert outcome.done.returncode == bool(failed)


def assert_error(row: Row, error: Message) -> None:
    assert error["failure_type"] == row.error
    assert re.fullmatch(r"\S.*\. Likely cause: \S.*\. What to do: \S.*\.", error["message"])
    assert all(words in error["message"] for words in row.says)


def assert_settings_are_handed_on(
    row: Row, outcome: Outcome, running: RunningCloud, kind: str
) -> None:
    """As often as tokens were given; the last settings hold a refresh token that is still good."""
    handed_on = [m["control"] for m in outcome.messages if m["type"] == "CONTROL"]
    assert all(each["type"] == "CONNECTOR_CONFIG" for each in handed_on)
    if kind != OAUTH:
        assert handed_on == []
        return
    given = [secret for secret in running.cloud.secrets if secret.startswith("refresh-")]
    told = [each["connectorConfig"]["config"]["credentials"]["refresh_token"] for each in handed_on]
    assert told == [each for each in given[1:] if each in told or not row.loses_tokens]


def assert_secrets_went_where_they_belong(running: RunningCloud, kind: str) -> None:
    """Each host saw only what is for it, and no other host was asked for."""
    tokens = {secret for _, secret in TOKENS.values()} | {BEARER_TOKEN}
    seen = {host: seen_at(running, host) for host in running.calls}
    assert running.refused_hosts == []
    assert seen[ELSEWHERE] == ""
    of_clients = [secret for _, secret in CLIENTS.values()]
    issued = [each for each in running.cloud.secrets if each.startswith(("access-", "refresh-"))]
    for host in (HERE, FORMER):
        at_site = "Basic" in seen[host]
        assert at_site == (kind in (CLASSIC, "scoped_token") and host == HERE)
        assert not [each for each in (*of_clients, *issued) if each in seen[host]]
    assert not [each for each in of_clients if each in seen[API_HOST]]
    assert "refresh-" not in seen[API_HOST]
    assert "Authorization" not in seen[AUTH_HOST]
    assert not [each for each in tokens if each in seen[AUTH_HOST]]
    assert "access-" not in seen[AUTH_HOST]
    for call in running.calls[HERE] + running.calls[FORMER]:
        assert call.path != "/_edge/tenant_info" or "authorization" not in call.headers


def seen_at(running: RunningCloud, host: str) -> str:
    calls = running.calls[host]
    signed = [f"Authorization: {call.headers['authorization']}" for call in calls if signs(call)]
    return "\n".join([*signed, *(call.body.decode() for call in calls)])


def signs(call: Call) -> bool:
    return "authorization" in call.headers


def check(each: Trial) -> tuple[str, str]:
    """The status and the message of a check; both are looked through for secrets."""
    done = each.run("check", "--debug")
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    [status] = [m["connectionStatus"] for m in messages if m["type"] == "CONNECTION_STATUS"]
    told = "".join(line for line in done.stdout.splitlines() if '"CONTROL"' not in line[:20])
    assert not [secret for secret in each.secrets if secret in told + done.stderr]
    return status["status"], status.get("message") or ""


ALL_IS_WELL = MATRIX[0]


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_the_check_knows_every_kind(kind: str, tmp_path: Path) -> None:
    with cloud_trial(tmp_path, ALL_IS_WELL, kind) as (each, running):
        assert check(each) == ("SUCCEEDED", "")
    assert_secrets_went_where_they_belong(running, kind)


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_the_check_fails_for_what_was_revoked(kind: str, tmp_path: Path) -> None:
    with cloud_trial(tmp_path, ALL_IS_WELL, kind) as (each, running):
        running.cloud.revoke(kind)
        status, message = check(each)
    assert status == "FAILED"
    happened, _, rest = message.partition(" Likely cause: ")
    assert re.match(rf"({HERE} did not accept|auth\.atlassian\.com gave no)", happened)
    assert re.match(r"the .*(expired|wrong|revoked)", rest)
    assert " What to do: " in rest


@pytest.mark.parametrize("kind", SCOPED)
def test_the_check_names_what_scopes_are_missing(kind: str, tmp_path: Path) -> None:
    """Even that for the question who the user is, and that for spaces."""
    row = Row(what="", connector="", grant=Grant(scopes=frozenset({TABLE[BY_ID].scope})))
    with cloud_trial(tmp_path, row, kind) as (each, _):
        status, message = check(each)
        outcome = each.read(ONE)
    readable = {name for name in NAMES if TABLE[name].scope == TABLE[BY_ID].scope}
    assert status == "SUCCEEDED"
    for name in NAMES:
        assert outcome.endings(name) == ["COMPLETE" if name in readable else "INCOMPLETE"]
        assert (f"the scope {TABLE[name].scope}" in message) == (name not in readable)


@pytest.mark.parametrize("kind", SCOPED)
def test_the_check_fails_where_nothing_can_be_read(kind: str, tmp_path: Path) -> None:
    row = Row(what="", connector="", grant=Grant(scopes=frozenset()))
    with cloud_trial(tmp_path, row, kind) as (each, _):
        status, message = check(each)
    assert status == "FAILED"
    assert "the scope does not match" in message


@pytest.mark.parametrize("kind", SCOPED)
def test_links_in_records_are_those_of_the_site(kind: str, tmp_path: Path) -> None:
    with cloud_trial(tmp_path, ALL_IS_WELL, kind) as (each, _):
        outcome = each.read(ONE)
    assert API_HOST not in json.dumps([outcome.records(stream) for stream in NAMES])


@pytest.mark.parametrize("kind", SCOPED)
def test_a_state_of_one_kind_is_good_for_another(kind: str, tmp_path: Path) -> None:
    """Whoever changes from a token to other credentials need not read everything again."""
    mode = Mode(streams=(BY_ID, PINNED), is_incremental=True)
    with cloud_trial(tmp_path, ALL_IS_WELL, CLASSIC) as (each, running):
        first = each.read(mode)
        each.use({**running.config(kind)})
        later = each.read(mode)
    for stream in mode.streams:
        assert first.endings(stream) == later.endings(stream) == ["COMPLETE"]
        assert len(first.records(stream)) == len(CONTENT.rows(stream))
        assert later.records(stream) == []


def test_settings_that_are_handed_on_work_in_the_next_run(tmp_path: Path) -> None:
    """And those before them no longer do, once the ten minutes of grace are over."""
    row = Row(what="", connector="", grant=Grant(uses=SOON), config={"access": "none"})
    with cloud_trial(tmp_path, row, OAUTH) as (each, running):
        outcome = each.read(ONE)
        running.cloud.clock.advance(3700)
        assert check(each)[0] == "FAILED"
        last = [m["control"] for m in outcome.messages if m["type"] == "CONTROL"][-1]
        each.use(last["connectorConfig"]["config"])
        running.cloud.expire(OAUTH)
        assert check(each)[0] == "SUCCEEDED"


def test_one_token_is_got_however_many_requests_are_in_flight(tmp_path: Path) -> None:
    """Sixteen requests are refused at once; nobody but the thread that reads asks for another."""
    row = Row(what="", connector="", grant=Grant(uses=SOON))
    with cloud_trial(tmp_path, row, OAUTH, SIXTEEN) as (each, running):
        outcome = each.read(SIXTEEN)
    assert "Could not prefetch" not in outcome.done.stdout, "they are sent again ahead, too"
    accepted = len(each.site.calls)
    assert accepted > 2 * SOON
    assert len(running.calls[AUTH_HOST]) == (accepted - 1) // SOON


@pytest.mark.parametrize("command", ["check", "read"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_loses_no_refresh_token(
    number: signal.Signals, command: str, tmp_path: Path
) -> None:
    """It comes while the answer with the next one is on its way."""
    slow = Fault(kind="slow", seconds=2, path=TOKEN)
    row = Row(what="", connector="", faults=(slow,), config={"access": "none"})
    with cloud_trial(tmp_path, row, OAUTH) as (each, running):
        connector = Connector(tmp_path, each.site, [COMMAND])
        connector.written(connector.catalog, configured_catalog(*NAMES))
        words: list[str | Path] = [COMMAND, command, "--config", connector.config]
        words += ["--catalog", connector.catalog] if command == "read" else []
        with subprocess.Popen(
            words,
            env=connector.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            while not running.calls[AUTH_HOST]:
                time.sleep(0.05)
            process.send_signal(number)
            output = process.stdout.read() if process.stdout else ""
    messages = [json.loads(line) for line in output.splitlines()]
    [told] = [m["control"]["connectorConfig"]["config"] for m in messages if m["type"] == "CONTROL"]
    assert told["credentials"]["refresh_token"] in running.cloud.secrets
    assert told["credentials"]["refresh_token"].startswith("refresh-0002-")
    died = -signal.SIGTERM if number == signal.SIGTERM else 130
    assert process.returncode == (1 if command == "read" else died)


def test_the_documentation_shows_the_table() -> None:
    assert table() in (ROOT / "docs" / "reliability.md").read_text(), (
        "Replace the table in docs/reliability.md by what this prints:\n"
        "python -c 'from integration_tests.credential_matrix import table; print(table())'"
    )

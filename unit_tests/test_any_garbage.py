"""Whatever comes in, as an answer, a header, a state or a setting: sense, or the error for it."""

import json
from typing import Any
from urllib.parse import quote, urlsplit

import orjson
import requests
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from hypothesis import example, given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from source_confluence.exceptions import (
    BrokenPagingError,
    ConfigError,
    NotAListError,
    NotJsonError,
)
from source_confluence.limits.headers import (
    MAX_ASKED_WAIT_SECONDS,
    LimitReport,
    Refusal,
    asked_seconds,
    budgets,
)
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.paging.by_cursor import CursorPager, cursor_in
from source_confluence.paging.by_offset import OffsetPager
from source_confluence.paging.page import Page
from source_confluence.reading.state import position_in, states_in
from source_confluence.records.mending import mended
from source_confluence.settings.config import Config
from source_confluence.settings.host import host_of
from source_confluence.transport.auth import access_for
from source_confluence.transport.site import Site
from unit_tests.streams_under_test import BY_CURSOR

TEXT = st.text(st.characters() | st.sampled_from("\x00\ud800\udfff\U0001f600\\u"))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
TREES = st.recursive(
    LEAVES, lambda trees: st.lists(trees) | st.dictionaries(TEXT, trees), max_leaves=12
)
LISTS = st.fixed_dictionaries(
    {},
    optional={
        "results": st.lists(st.dictionaries(TEXT, TREES)) | TREES,
        "limit": LEAVES,
        "_links": st.dictionaries(st.just("next"), LEAVES) | TREES,
    },
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A list, perhaps of garbage, perhaps damaged; or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary())
    text = json.dumps(draw(LISTS), ensure_ascii=draw(st.booleans()))
    body = text.encode("utf-8", "surrogatepass")
    if draw(st.booleans()):
        return body
    place = draw(st.integers(0, len(body)))
    return body[:place] + draw(st.binary(max_size=3)) + body[place + draw(st.integers(0, 3)) :]


HEADERS = st.just("") | TEXT | st.from_regex(r'(<[^>]*>; ?[rR]el="?(next|base)"?,? ?){0,3}')


@given(bodies(), st.none() | st.integers(1, 5), HEADERS)
@example(b'{"results": [{"a": ' + b"9" * 5000 + b"}]}", None, "")
@example(b'{"results": [' + b"[" * 100_000, 250, "")
@example(b'\xff\xfe{"results": []}', 250, "")
@example(b'{"results": [{"\xff": "\xed\xa0\x80\xff"}]}', None, "")
def test_an_answer_is_a_page_or_one_of_two_errors(
    body: bytes, asked: int | None, header: str
) -> None:
    try:
        page = Page.parse(
            body, asked_rows=asked or 250, has_links=asked is not None, link_header=header
        )
    except (NotJsonError, NotAListError):
        return
    for row in page.rows:
        record, changes = mended(row) if page.needs_mending else (row, [])
        printed = json.dumps(record, allow_nan=False, ensure_ascii=False).encode()
        assert b"\x00" not in printed
        assert json.loads(printed) == record
        assert "\\u0000" not in json.dumps(record).replace("\\\\", "")
        assert changes or record == row
        if all(-(2**63) <= number < 2**63 for number in integers(record)):
            orjson.dumps(record)
    for pager in (CursorPager(), OffsetPager()):
        try:
            pager.ask_at({})
            assert pager.ask_again(page) is None
            pager.admit(page)
            token = pager.position_after(page)
        except BrokenPagingError:
            continue
        assert token is None or len(token) == 1


def integers(tree: object) -> list[int]:
    if isinstance(tree, dict):
        return [number for child in tree.values() for number in integers(child)]
    if isinstance(tree, list):
        return [number for child in tree for number in integers(child)]
    return [tree] if isinstance(tree, int) else []


@given(st.text())
@example("?cursor=%ZZ&cursor=b")
def test_a_next_link_has_a_cursor_or_not(link: str) -> None:
    cursor = cursor_in(link)
    assert cursor is None or quote(cursor)


HEADER = st.text(st.characters(codec="latin-1")) | st.from_regex(
    r'"?[a-z-]*"?(; ?[rtq]=[0-9]{1,30}){0,3}|[0-9]{0,400}(\.[0-9]*)?|[0-9]{4}-[0-9]{2}-[0-9]{2}T.*',
    fullmatch=True,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "Retry-After",
                "Date",
                "RateLimit",
                "RateLimit-Reason",
                "X-RateLimit-Limit",
                "X-RateLimit-NearLimit",
                "X-RateLimit-Remaining",
                "X-RateLimit-Reset",
            ]
        ),
        HEADER,
    ),
    st.sampled_from([200, 429, 503]),
)
def test_headers_make_no_wait_longer_than_we_wait(headers: dict[str, str], status: int) -> None:
    response = requests.Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict(headers)
    assert (asked_seconds(status, response.headers) or 0) <= 1e9
    assert all(b.reset_seconds <= MAX_ASKED_WAIT_SECONDS for b in budgets(response.headers))
    limit = RateLimit()
    limit.observe(LimitReport.of(response, Refusal.of(response), limit.take_turn()))
    assert 0 <= limit.seconds_to_wait() <= MAX_ASKED_WAIT_SECONDS


@given(st.dictionaries(st.sampled_from(["of", "cursor", "start", "endDate"]) | TEXT, TREES))
@example({"of": "acme/pages", "cursor": "x"})
def test_a_state_names_a_position_or_nothing(state: dict[str, Any]) -> None:
    position = position_in(state, of="acme/pages", like={"cursor": "x"}, mark={})
    assert position is None or list(position) == ["cursor"]
    assert position is None or isinstance(position["cursor"], str)


STREAM_STATES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["STREAM", "GLOBAL", "LEGACY"]) | TREES,
        "stream": TREES
        | st.fixed_dictionaries(
            {},
            optional={
                "stream_descriptor": st.fixed_dictionaries({"name": TEXT | TREES}) | TREES,
                "stream_state": st.dictionaries(TEXT, TREES) | TREES,
            },
        ),
        "global": TREES,
        "data": TREES,
    },
)


@given(st.lists(STREAM_STATES | TREES) | TREES)
@example([{"type": "STREAM", "stream": {"stream_descriptor": {"name": BY_CURSOR}}}])
def test_a_state_is_one_of_a_stream_or_ignored(document: object) -> None:
    states, warning = states_in(document)
    given = len(document) if isinstance(document, list) else int(document not in (None, {}))
    assert bool(warning) == (len(states) != given)
    manager = ConnectorStateManager(states)
    for state in states:
        assert state.stream is not None
        descriptor = state.stream.stream_descriptor
        manager.get_stream_state(descriptor.name, descriptor.namespace)


DOMAIN = st.text(st.sampled_from("aZ0.-_:/@?#\\[]%;&= \t\r\n\x00ß。:@/İ１\u200b")) | st.text()
DOMAIN |= st.builds(
    "{}{}{}".format,
    st.sampled_from(["https://", "http://", "file://", "//", "", "https:/", "HTTPS:\\\\"]),
    DOMAIN,
    st.sampled_from(
        ["", ":443", ":0", "/wiki", "/../x", "?a=b", "#x", "@evil.example", "\r\nX: y"]
    ),
)


@given(DOMAIN)
@example("acme.atlassian.net\r\nX-Evil: 1")
@example("https://acme.atlassian.net@evil.example/wiki")
@example("acme.atlassian.net:443:80")
def test_a_domain_name_leads_to_that_host_by_https_or_nowhere(domain: str) -> None:
    try:
        host = host_of(domain)
    except ConfigError:
        return
    url = Site(host).url("wiki/api/v2/pages")
    prepared = requests.Request("GET", url, params={"limit": 250}).prepare()
    assert prepared.url is not None
    parts = urlsplit(prepared.url)
    assert (parts.scheme, parts.path, parts.query) == ("https", "/wiki/api/v2/pages", "limit=250")
    assert parts.username is None
    assert parts.password is None
    name, _, port = host.rpartition(":") if host[-1:].isdigit() and ":" in host else (host, "", "")
    assert (parts.hostname or "") in (name.strip("[]"), host.strip("[]"))
    assert parts.port is None or str(parts.port) == port.lstrip("0")
    assert set(prepared.headers) == set()


SETTING = st.none() | st.integers() | TEXT | st.sampled_from(["ada@acme.com", "acme.atlassian.net"])


@given(st.dictionaries(st.sampled_from(["email", "api_token", "domain_name", "x"]), SETTING))
@example({"email": "ä@acme.com", "api_token": "t+k/n=", "domain_name": "acme.atlassian.net"})
def test_settings_work_or_say_what_to_enter(raw: dict[str, Any]) -> None:
    try:
        settings = Config.parse(raw)
    except ConfigError:
        return
    access = access_for(settings)
    request = requests.Request("GET", access.entry.url("x"), auth=access.entry.sign)
    authorization = request.prepare().headers["Authorization"]
    assert not set(str(authorization)) & set("\r\n\x00")

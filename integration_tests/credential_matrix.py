"""The table of what can happen to credentials, and how a sync of all streams ends.

`docs/reliability.md` shows it; `test_credentials.py` runs each row with each kind it concerns.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fake_confluence import Fault
from fake_confluence.cloud import Cloud
from fake_confluence.credentials import CLASSIC, CLIENTS, CREDENTIALS, OAUTH, Grant
from fake_confluence.routes import ALL_SCOPES
from unit_tests.streams_under_test import PINNED, TABLE

HERE, ELSEWHERE = "acme.atlassian.net", "other.atlassian.net"
FORMER = "old-acme.atlassian.net"
SCOPED = tuple(kind for kind in CREDENTIALS if kind != CLASSIC)
SOON = 12
"""Requests to the gateway, in the midst of a sync of all streams."""


def _nothing(_: Cloud, __: str) -> None:
    """All is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table.

    Args:
        what: What happens.
        connector: What the connector does about it.
        kinds: The kinds of credentials that it happens to.
        grant: What the credential is good for.
        faults: What goes wrong.
        prepare: What else is different, of the cloud, for that kind.
        config: How the settings are made: the arguments of `RunningCloud.config`.
        failed: The streams that fail; None for all.
        error: Who must act, when one fails.
        says: What its message says.
        loses_tokens: Whether tokens are given that do not arrive.
        token_requests: How many requests for an access token there are; None for any number.
    """

    what: str
    connector: str
    kinds: tuple[str, ...] = SCOPED
    grant: Grant = field(default_factory=Grant)
    faults: tuple[Fault, ...] = ()
    prepare: Callable[[Cloud, str], None] = _nothing
    config: dict[str, Any] = field(default_factory=dict)
    failed: tuple[str, ...] | None = ()
    error: str = ""
    says: tuple[str, ...] = ()
    loses_tokens: bool = False
    token_requests: int | None = None

    @property
    def ends(self) -> str:
        """How it ends, in the table."""
        if self.failed is None:
            return f"all INCOMPLETE, `{self.error}`"
        failed = ", ".join(f"`{name}`" for name in self.failed)
        return f"{failed} INCOMPLETE, `{self.error}`; all others COMPLETE" if failed else "COMPLETE"


def _down(path: str, **more: Any) -> Fault:  # noqa: ANN401
    return Fault(**{"kind": "status", "status": 503, "path": path, "count": None, **more})


def _revoke(cloud: Cloud, kind: str) -> None:
    cloud.revoke(kind)


def _one_scope_less(stream: str) -> Grant:
    return Grant(scopes=ALL_SCOPES - {TABLE[stream].scope})


TOKEN, TENANT, RESOURCES = "/oauth/token", "/tenant_info", "/accessible-resources"
_RENEWS = "gets another one, in the thread that reads, and sends the request again"

MATRIX: tuple[Row, ...] = (
    Row(
        what="all is well",
        connector="finds the way in, and says so once",
        kinds=CREDENTIALS,
    ),
    Row(
        what="the access token expires in the midst of the sync",
        connector=_RENEWS,
        kinds=tuple(CLIENTS),
        grant=Grant(uses=SOON),
    ),
    Row(
        what="the access token that was entered has expired",
        connector="gets another one first",
        kinds=(OAUTH,),
        config={"access": "expired"},
        token_requests=1,
    ),
    Row(
        what="no access token was entered",
        connector="gets one first",
        kinds=(OAUTH,),
        config={"access": "none"},
        token_requests=1,
    ),
    Row(
        what="the refresh token, or the client secret, is refused in the midst of the sync",
        connector="asks once, and fails the streams that are not complete",
        kinds=tuple(CLIENTS),
        grant=Grant(uses=SOON),
        faults=(
            Fault(
                kind="status",
                status=403,
                path=TOKEN,
                body='{"error": "unauthorized_client"}',
                first=2,
                count=None,
            ),
        ),
        config={"access": "none"},
        failed=None,
        error="config_error",
        says=("auth.atlassian.com gave no access token", "unauthorized_client"),
        token_requests=2,
    ),
    Row(
        what="the token endpoint is down for a moment, each time that a token expires",
        connector="asks again, and goes on with pages of the same size",
        kinds=tuple(CLIENTS),
        grant=Grant(lifetime_seconds=1),
        faults=(
            Fault(kind="slow", seconds=0.1, host="api.atlassian.com", count=None),
            _down(TOKEN, first=2, every=2, status=500),
        ),
    ),
    Row(
        what="the token endpoint is down for a moment",
        connector="asks again, up to five times, after about 2, 4, 8, 16 and 30 seconds",
        kinds=tuple(CLIENTS),
        faults=(_down(TOKEN, count=2),),
        config={"access": "none"},
        token_requests=3,
    ),
    Row(
        what="the token endpoint is down",
        connector="the same; then fails the stream",
        kinds=tuple(CLIENTS),
        faults=(_down(TOKEN),),
        config={"access": "none"},
        failed=None,
        error="transient_error",
        says=("auth.atlassian.com failed to answer /oauth/token (HTTP 503)",),
    ),
    Row(
        what="the answer with the next refresh token is lost, once",
        connector="asks again with the one before, which works for ten minutes",
        kinds=(OAUTH,),
        faults=(Fault(kind="drop", path=TOKEN),),
        config={"access": "none"},
        token_requests=2,
        loses_tokens=True,
    ),
    Row(
        what="the connection to the token endpoint breaks, for ever",
        connector="asks again, up to five times; then fails the stream",
        kinds=(OAUTH,),
        faults=(Fault(kind="drop", path=TOKEN, count=None),),
        config={"access": "none"},
        failed=None,
        error="transient_error",
        says=("auth.atlassian.com",),
        loses_tokens=True,
    ),
    Row(
        what="everything is revoked in the midst of the sync",
        connector="fails the streams that are not complete",
        prepare=_revoke,
        failed=None,
        error="config_error",
    ),
    Row(
        what="one scope is missing",
        connector="fails that stream alone, and names the scope",
        grant=_one_scope_less(PINNED),
        failed=(PINNED,),
        error="config_error",
        says=("the scope does not match", TABLE[PINNED].scope),
    ),
    Row(
        what="the site does not say its cloud id",
        connector="fails: there is no way through the gateway",
        kinds=tuple(kind for kind in SCOPED if kind != "scoped_token"),
        faults=(_down(TENANT, status=404),),
        failed=None,
        error="config_error",
        says=("does not say which Confluence Cloud site it is",),
    ),
    Row(
        what="the site does not say its cloud id for a moment",
        connector="asks again",
        faults=(_down(TENANT, count=1),),
    ),
    Row(
        what="the credentials are for two sites, and the second one is meant",
        connector="reads that one, by its cloud id",
        grant=Grant(hosts=(ELSEWHERE, HERE)),
    ),
    Row(
        what="the credentials are for another site only",
        connector="fails, and names the other one",
        kinds=tuple(CLIENTS),
        grant=Grant(hosts=(ELSEWHERE,)),
        failed=None,
        error="config_error",
        says=("do not give access to the site that is meant", ELSEWHERE),
    ),
    Row(
        what="the list of sites is refused",
        connector="reads on: the gateway decides",
        kinds=tuple(CLIENTS),
        faults=(_down(RESOURCES, status=403),),
    ),
    Row(
        what="the site was renamed, and its former name was entered",
        connector="reads it, by its cloud id",
        kinds=tuple(kind for kind in SCOPED if kind != "scoped_token"),
        config={"host": FORMER},
    ),
)


def table() -> str:
    """The table as `docs/reliability.md` shows it."""
    lines = ["| what happens to the credentials | the connector | the streams |", "|---|---|---|"]
    for row in MATRIX:
        of = "" if row.kinds in (CREDENTIALS, SCOPED) else f" ({', '.join(row.kinds)})"
        lines.append(f"| {row.what}{of} | {row.connector} | {row.ends} |")
    return "\n".join(lines)

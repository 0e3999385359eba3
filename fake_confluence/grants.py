"""Issue access tokens, and know which credentials are good at a moment."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from fake_confluence.clock import Clock
from fake_confluence.credentials import (
    BEARER_TOKEN,
    CLIENTS,
    CREDENTIALS,
    OAUTH,
    SERVICE_ACCOUNT_TOKEN,
    TOKENS,
    Grant,
    basic,
)

GRACE_SECONDS = 600
"""How long a refresh token can be used again after it was used."""


@dataclass(slots=True, kw_only=True)
class _AccessToken:
    kind: str
    good_until: int
    uses_left: float


class Grants:
    """Every credential of a cloud, and what is issued while it runs; for any thread.

    Args:
        clock: Says when they expire.
        by_kind: What a kind is good for, where that is not everything.

    Attributes:
        by_kind: What each kind is good for. It can be changed at any time; how long an access token
            is good is settled when it is issued.
    """

    def __init__(self, clock: Clock, by_kind: Mapping[str, Grant]) -> None:
        if unknown := sorted(by_kind.keys() - set(CREDENTIALS)):
            raise ValueError(f"There is no kind {unknown[0]!r}, only: {', '.join(CREDENTIALS)}.")
        self.by_kind = {kind: by_kind.get(kind, Grant()) for kind in CREDENTIALS}
        self._clock = clock
        self._lasting = {basic(kind): kind for kind in TOKENS}
        self._lasting[f"Bearer {BEARER_TOKEN}"] = SERVICE_ACCOUNT_TOKEN
        self._access: dict[str, _AccessToken] = {}
        self._refresh: dict[str, int | None] = {}
        self._revoked: set[str] = set()
        self._lock = threading.Lock()

    @property
    def secrets(self) -> list[str]:
        """Every token and secret there ever was, and the Base64 forms in headers."""
        fixed = [secret for _, secret in (*TOKENS.values(), *CLIENTS.values())]
        signed = [authorization.partition(" ")[2] for authorization in self._lasting]
        with self._lock:
            return [*fixed, *signed, *self._access, *self._refresh]

    def kind_of(self, authorization: str) -> str | None:
        """Which kind of good credential stands in a header; None for one that is not good."""
        with self._lock:
            token = self._access_token_in(authorization)
            kind = token.kind if token else self._lasting.get(authorization)
            return None if kind in self._revoked else kind

    def use(self, authorization: str) -> str | None:
        """The same, for a request to the gateway: it counts as a use of an access token."""
        with self._lock:
            if token := self._access_token_in(authorization):
                token.uses_left -= 1
                return token.kind
        return self.kind_of(authorization)

    def issue_access_token(self, kind: str, seconds: float) -> str:
        """`access-0001-…`, good for some seconds; it has expired when there are none left."""
        uses = self.by_kind[kind].uses
        with self._lock:
            token = f"access-{len(self._access) + 1:04d}-made+up/token=="
            self._access[token] = _AccessToken(
                kind=kind,
                good_until=self._clock.now(seconds),
                uses_left=float("inf") if uses is None else uses,
            )
            return token

    def issue_refresh_token(self) -> str:
        """`refresh-0001-…`, for the only kind that has them."""
        with self._lock:
            token = f"refresh-{len(self._refresh) + 1:04d}-made+up/token=="
            self._refresh[token] = None
            return token

    def take(self, refresh_token: str) -> bool:
        """Whether a refresh token is good; as it is now used, it will not be for much longer."""
        with self._lock:
            if refresh_token not in self._refresh:
                return False
            good_until = self._refresh[refresh_token]
            if good_until is None:
                self._refresh[refresh_token] = self._clock.now(GRACE_SECONDS)
            return good_until is None or self._clock.now() < good_until

    def kind_of_client(self, client_id: object, client_secret: object) -> str | None:
        """Which kind has this client; None where there is none, or not any more."""
        known = {pair: kind for kind, pair in CLIENTS.items() if kind not in self._revoked}
        found = [kind for pair, kind in known.items() if pair == (client_id, client_secret)]
        return found[0] if found else None

    def expire(self, kind: str) -> None:
        """Let the access tokens that there are be good no more."""
        with self._lock:
            for token in self._access.values():
                if token.kind == kind:
                    token.uses_left = 0

    def revoke(self, kind: str) -> None:
        """Let nothing of a kind be good any more, but what a person grants to the app anew."""
        self.expire(kind)
        with self._lock:
            if kind == OAUTH:
                self._refresh = dict.fromkeys(self._refresh, 0)
            else:
                self._revoked.add(kind)

    def _access_token_in(self, authorization: str) -> _AccessToken | None:
        scheme, _, text = authorization.partition(" ")
        token = self._access.get(text) if scheme == "Bearer" else None
        if token is None or token.uses_left <= 0 or self._clock.now() >= token.good_until:
            return None
        return token

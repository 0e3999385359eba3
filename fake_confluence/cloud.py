"""Answer for Atlassian's cloud: sites by their real names, the gateway, the token endpoint.

No sockets here. `cloud_server` lets clients reach it by these names.
"""

import re
import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from fake_confluence import token_endpoint
from fake_confluence.clock import Clock, timestamp
from fake_confluence.credentials import CLASSIC, CLIENTS, OAUTH, Grant, settings_of
from fake_confluence.faults import KINDS, Fault, Plan
from fake_confluence.grants import Grants
from fake_confluence.reply import Reply, unauthorized
from fake_confluence.request import Call
from fake_confluence.routes import scopes_at
from fake_confluence.service import AUTHORIZATION, Service

API_HOST = "api.atlassian.com"
AUTH_HOST = "auth.atlassian.com"
TENANT_INFO = "/_edge/tenant_info"
RESOURCES = "/oauth/token/accessible-resources"

_BEHIND_GATEWAY = re.compile(r"/ex/confluence/([^/]+)(/.*|)")
_IN_PLACE_OF_AN_ANSWER = ("status", "redirect")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudSite:
    """One site of the cloud.

    Args:
        host: `acme.atlassian.net`.
        service: What it answers; it knows the e-mail address and the token of the kind `token`.
        former_hosts: Its names before it was renamed.
    """

    host: str
    service: Service = field(repr=False)
    former_hosts: tuple[str, ...] = ()

    @property
    def cloud_id(self) -> str:
        """A UUID that depends on the host alone."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.host))


class Cloud:
    """Sites, Atlassian's gateway to them, and who gives tokens for it.

    Args:
        sites: The first one is that which `config` names.
        clock: Says when tokens expire; the one of the first site by default.
        grants: What a kind of credential may do, where that is not everything.
        faults: What goes wrong at any host. Those that a service has to do itself do nothing here.
            A `status` or a `redirect` comes in place of an answer: no token is issued, no site is
            asked.

    Attributes:
        calls: What each host saw, in order, as it came.
        grants: All credentials; `grants.by_kind` can be changed at any time.
    """

    def __init__(
        self,
        *sites: CloudSite,
        clock: Clock | None = None,
        grants: Mapping[str, Grant] | None = None,
        faults: Iterable[Fault] = (),
    ) -> None:
        self.sites = sites
        self.clock = clock or sites[0].service.clock
        self.grants = Grants(self.clock, grants or {})
        self._by_host = {site.host: site for site in sites}
        for site in sites:
            self._by_host |= dict.fromkeys(site.former_hosts, site)
        self.calls: dict[str, list[Call]] = {host: [] for host in self.hosts}
        self._plan = Plan(faults)
        self._lock = threading.Lock()

    @property
    def hosts(self) -> list[str]:
        """Every name it answers for."""
        return [*self._by_host, API_HOST, AUTH_HOST]

    @property
    def secrets(self) -> list[str]:
        """Every token and secret there ever was, and the Base64 forms in headers."""
        return self.grants.secrets

    def config(self, kind: str, *, host: str = "", access: str = "valid") -> dict[str, Any]:
        """Settings of the connector with a kind of credential.

        Args:
            kind: One of `CREDENTIALS`.
            host: The site; the first one by default.
            access: The access token with which an `oauth` begins: `valid`, `expired` or `none`.
                Each call is a grant of its own, with tokens of its own.
        """
        settings = {**settings_of(kind), "domain_name": host or self.sites[0].host}
        if kind == OAUTH:
            settings["credentials"] |= self._granted(access)
        return settings

    def expire(self, kind: str) -> None:
        """Let the access tokens of a kind that there are expire now."""
        self.grants.expire(kind)

    def revoke(self, kind: str) -> None:
        """Let nothing of a kind be good any more; `config` of an `oauth` is a new grant."""
        self.grants.revoke(kind)

    def misbehave(self, *faults: Fault) -> None:
        """Let this go wrong from now on; requests are counted from the next one."""
        with self._lock:
            self._plan = Plan(faults)

    def recover(self) -> None:
        """Let nothing go wrong from now on; the faults of services stay."""
        self.misbehave()

    def reply(self, call: Call) -> Reply:
        """The response, planned faults included."""
        with self._lock:
            self.calls.setdefault(call.host, []).append(call)
            fault = self._plan.next(call)
        if fault and fault.kind in _IN_PLACE_OF_AN_ANSWER:
            reply = Reply(status=200, document={})
        else:
            reply = self._honest_reply(call)
        reply = KINDS[fault.kind](reply, fault) if fault else reply
        return replace(reply, headers={"Date": self.clock.date, **reply.headers})

    def _granted(self, access: str) -> dict[str, str]:
        """What a person's consent brings."""
        lifetime = self.grants.by_kind[OAUTH].lifetime_seconds
        seconds = {"valid": lifetime, "expired": -60, "none": None}[access]
        tokens = {"refresh_token": self.grants.issue_refresh_token()}
        if seconds is not None:
            tokens["access_token"] = self.grants.issue_access_token(OAUTH, seconds)
            tokens["token_expiry_date"] = timestamp(self.clock.now(seconds))
        return tokens

    def _honest_reply(self, call: Call) -> Reply:
        if call.host == AUTH_HOST:
            return token_endpoint.reply(call, self.grants)
        if call.host == API_HOST:
            return self._at_api(call)
        if call.host in self._by_host:
            return self._at_site(call, self._by_host[call.host])
        return _refusal(421, "Misdirected Request")

    def _at_site(self, call: Call, site: CloudSite) -> Reply:
        if call.path == TENANT_INFO:
            return Reply(status=200, document={"cloudId": site.cloud_id})
        if call.host != site.host:
            return _redirect(call, site.host)
        kind = self.grants.kind_of(_authorization(call))
        if kind not in (None, CLASSIC):
            return unauthorized()
        is_known = kind == CLASSIC and site in self._sites_of(CLASSIC)
        return site.service.reply(_signed(call, site, AUTHORIZATION if is_known else ""))

    def _at_api(self, call: Call) -> Reply:
        if call.path == RESOURCES:
            return self._resources(call)
        behind = _BEHIND_GATEWAY.fullmatch(call.path)
        return self._at_gateway(call, *behind.groups()) if behind else _refusal(404, "Not Found")

    def _at_gateway(self, call: Call, cloud_id: str, path: str) -> Reply:
        kind = self.grants.use(_authorization(call))
        if kind is None:
            return _refusal(401, "Unauthorized", category="FAILURE_CLIENT_AUTH")
        sites = [site for site in self._sites_of(kind) if site.cloud_id == cloud_id]
        if not sites:
            return _refusal(404, "Not Found")
        service = sites[0].service
        if not scopes_at(path, service.content.routes) & self.grants.by_kind[kind].scopes:
            words = "Unauthorized; scope does not match"
            return _refusal(401, words, category="FAILURE_CLIENT_SCOPE_CHECK")
        return service.reply(replace(_signed(call, sites[0], AUTHORIZATION), path=path))

    def _resources(self, call: Call) -> Reply:
        """The sites that an access token is for."""
        kind = self.grants.kind_of(_authorization(call))
        if kind not in CLIENTS:
            return _refusal(401, "Unauthorized")
        scopes = self.grants.by_kind[kind].scopes
        return Reply(status=200, document=[_resource(s, scopes) for s in self._sites_of(kind)])

    def _sites_of(self, kind: str) -> list[CloudSite]:
        hosts = self.grants.by_kind[kind].hosts
        if hosts is None:
            return [*reversed(self.sites)]
        return [self._by_host[host] for host in hosts]


def _authorization(call: Call) -> str:
    return call.headers.get("authorization", "")


def _signed(call: Call, site: CloudSite, authorization: str) -> Call:
    """The request as it comes to the site itself."""
    headers = {**call.headers, "host": site.host, "authorization": authorization}
    return replace(call, headers=headers)


def _redirect(call: Call, host: str) -> Reply:
    query = f"?{urlencode(call.params)}" if call.params else ""
    headers = {"Location": f"https://{host}{call.path}{query}"}
    return Reply(status=302, document=b"", headers=headers)


def _refusal(status: int, message: str, *, category: str = "") -> Reply:
    """How Atlassian's edge refuses: `{"code": 401, "message": "Unauthorized"}`."""
    headers = {"X-Failure-Category": category} if category else {}
    return Reply(status=status, document={"code": status, "message": message}, headers=headers)


def _resource(site: CloudSite, scopes: frozenset[str]) -> dict[str, Any]:
    return {
        "id": site.cloud_id,
        "url": f"https://{site.host}",
        "name": site.host.partition(".")[0],
        "scopes": sorted(scopes),
        "avatarUrl": "https://avatars.invalid/240/square.png",
    }

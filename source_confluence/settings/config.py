"""Turn what a person entered into the settings of a sync, or say what to enter instead."""

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN_PAGE = "https://id.atlassian.com/manage-profile/security/api-tokens"  # noqa: S105 (a page)
_DOMAIN_REMEDY = (
    "Enter the host name of your site as the browser's address bar shows it, "
    "for example acme.atlassian.net."
)

_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_AUTHORITY_END = re.compile(r"[/?#\\]")
_OWN_PATH = re.compile(r"/*(?:[?#].*|wiki(?:[/?#].*)?)?", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*?)\.?(?P<port>:[0-9]{1,5})?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST_HOST = 253
_LAST_PORT = 65_535


DEFAULT_NUM_WORKERS = 16
_MOST_WORKERS = 25


class ConfigError(ValueError):
    """A setting that cannot work; its text says what happened, the likely cause, what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one sync, ready for use.

    Args:
        email: The e-mail address of the Atlassian account, `ada@acme.com`.
        api_token: The API token of that account; never shown.
        host: Where the site answers, with an optional port: `acme.atlassian.net`.
        num_workers: How many requests may be under way at a time, 1 to 25.
    """

    email: str
    api_token: str = field(repr=False)
    host: str
    num_workers: int = DEFAULT_NUM_WORKERS

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "Config":
        """Read the settings as the user entered them.

        Args:
            raw: `{"email": "ada@acme.com", "api_token": "…", "domain_name": "acme.atlassian.net"}`

        Raises:
            ConfigError: When a setting is missing, blank, or cannot be what it should be.
        """
        return cls(
            email=_email(_text(raw, "email")),
            api_token=_api_token(_text(raw, "api_token")),
            host=host_of(_text(raw, "domain_name")),
            num_workers=_num_workers(raw.get("num_workers")),
        )


def host_of(domain_name: str) -> str:
    """Find the host, and the port if there is one, in what people paste as their domain.

    `https://Acme.atlassian.net/wiki/spaces/ENG` → `acme.atlassian.net`; `localhost:8443` stays.
    The text itself is never repeated in an error: it may hold a password before an `@`.

    Raises:
        ConfigError: When the text names no host, or a host and something that is not Confluence.
    """
    text = domain_name.strip(" \N{NO-BREAK SPACE}")
    if not text:
        raise _domain_error("is empty", "the field was left blank")
    if any(_is_blank_or_control(character) for character in text):
        raise _domain_error(
            "holds a space or a control character", "more than the host name was copied"
        )
    text = _without_scheme(text)
    authority, rest = _split_authority(text)
    if "@" in authority:
        raise _domain_error(
            "holds an '@'", "an e-mail address, or a user name, was entered with the host"
        )
    if not _OWN_PATH.fullmatch(rest) or "/../" in f"{rest}/":
        raise _domain_error(
            "leads to a path that is not Confluence's", "a link to another page or product"
        )
    return _host_and_port(authority)


def _without_scheme(text: str) -> str:
    scheme = _SCHEME.match(text)
    if scheme is None:
        return text
    if scheme["scheme"].lower() not in {"https", "http"}:
        raise _domain_error("begins with a scheme other than https", "a link of another kind")
    return text[scheme.end() :]


def _split_authority(text: str) -> tuple[str, str]:
    end = _AUTHORITY_END.search(text)
    return (text, "") if end is None else (text[: end.start()], text[end.start() :])


def _host_and_port(authority: str) -> str:
    parts = _HOST_AND_PORT.fullmatch(authority)
    host = _canonical_host(parts["host"]) if parts else None
    if parts is None or host is None:
        raise _domain_error("is not a host name", "a typing error, or something else was pasted")
    port = parts["port"] or ""
    if port and not 1 <= int(port[1:]) <= _LAST_PORT:
        raise _domain_error("names a port that does not exist", "a typing error after the colon")
    return host + port


def _canonical_host(host: str) -> str | None:
    """The host in lower case and ASCII, or None when it cannot be one."""
    if host.startswith("["):
        return host.lower() if _is_ipv6(host[1:-1]) else None
    try:
        name = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    fits = len(name) <= _LONGEST_HOST and all(_LABEL.fullmatch(label) for label in name.split("."))
    return name if fits else None


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def _email(text: str) -> str:
    email = text.strip()
    sound = "@" in email and ":" not in email
    if not sound or any(_is_blank_or_control(character) for character in email):
        raise ConfigError(
            "The e-mail address is blank or is not an e-mail address. "
            "Likely cause: the field was left blank, or a user name was entered. "
            "What to do: Enter the address you log in to Atlassian with, for example ada@acme.com."
        )
    return email


def _api_token(text: str) -> str:
    token = text.strip()
    if not token or any(_is_blank_or_control(character) for character in token):
        raise ConfigError(
            "The API token is blank or has a space, a line break or the like inside. "
            "Likely cause: the field was left blank, or the token was not copied in one piece. "
            f"What to do: Create an API token at {_TOKEN_PAGE} and copy it with its button."
        )
    return token


def _num_workers(value: object) -> int:
    if value is None:
        return DEFAULT_NUM_WORKERS
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_WORKERS:
        raise ConfigError(
            f"The number of workers is not a whole number from 1 to {_MOST_WORKERS}. "
            "Likely cause: a typing error, or it was entered as a text, in quotation marks. "
            f"What to do: Enter a number such as {DEFAULT_NUM_WORKERS}, or leave it out."
        )
    return value


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str):
        raise ConfigError(
            f"There is no setting {key}, or it is not a text. "
            "Likely cause: it was left out, or has another name where it was written by hand. "
            "What to do: Enter email, api_token and domain_name, each as a text."
        )
    return value


def _is_blank_or_control(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf", "Cs"}


def _domain_error(what: str, cause: str) -> ConfigError:
    return ConfigError(
        f"The domain name {what}. Likely cause: {cause}. What to do: {_DOMAIN_REMEDY}"
    )

"""Find the host in what people paste as their domain, or say what to enter instead."""

import ipaddress
import re
import unicodedata

from source_confluence.exceptions import ConfigError

_DOMAIN_REMEDY = (
    "Enter the host name of your site as the browser's address bar shows it, "
    "for example acme.atlassian.net."
)

_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_AUTHORITY_END = re.compile(r"[/?#\\]")
_OWN_PATH = re.compile(r"/*(?:[?#].*|wiki(?:[/?#].*)?)?", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*?)\.?(?P<port>:[0-9]{1,5})?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_MAX_HOST = 253
_MAX_PORT = 65_535


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
    if any(is_blank_or_control(character) for character in text):
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
    if port and not 1 <= int(port[1:]) <= _MAX_PORT:
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
    fits = len(name) <= _MAX_HOST and all(_LABEL.fullmatch(label) for label in name.split("."))
    return name if fits else None


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def is_blank_or_control(character: str) -> bool:
    """Whether it is white space, or a character that cannot be seen."""
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf", "Cs"}


def _domain_error(what: str, cause: str) -> ConfigError:
    return ConfigError(
        f"The domain name {what}. Likely cause: {cause}. What to do: {_DOMAIN_REMEDY}"
    )

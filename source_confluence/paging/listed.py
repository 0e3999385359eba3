"""Take from a listed row what decides whether it is wanted whole, and forget the rest."""

from collections.abc import Mapping
from datetime import datetime, timezone
from hashlib import blake2b
from typing import Any, NamedTuple, TypeGuard

from source_confluence.exceptions import BrokenPagingError

_MAX_ID = 2**63
_LONGEST_ID = 19  # digits
_DIGEST_BYTES = 4


class Listed(NamedTuple):
    """What is kept of a row that was listed without its body.

    Args:
        own_id: `65538`.
        version: The number of its version, `3`; -1 where it has none.
        modified: When that was written, in milliseconds since 1970; None where it has no date.
        space_id: `"98305"`; empty where it has none.
        digest: 32 bits of what changes without a new version: status, space, parent and owner.
    """

    own_id: int
    version: int
    modified: int | None
    space_id: str
    digest: int

    @property
    def element(self) -> int:
        """Id and digest in one number, as a `Sketch` takes it."""
        return self.own_id << 32 | self.digest


def listed(row: Mapping[str, Any]) -> Listed:
    """What is kept of a row.

    Raises:
        BrokenPagingError: When it has no number for an id.
    """
    version = row.get("version")
    of_version: Mapping[str, Any] = version if isinstance(version, dict) else {}
    number = of_version.get("number")
    return Listed(
        own_id=_own_id(row.get("id")),
        version=number if _is_number(number) else -1,
        modified=milliseconds(of_version.get("createdAt")),
        space_id=str(row.get("spaceId") or ""),
        digest=_digest(row),
    )


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_ID


def milliseconds(text: object) -> int | None:
    """The milliseconds since 1970 of `2026-03-19T14:26:45.468Z`; None of what is no such date."""
    if not isinstance(text, str):
        return None
    try:
        instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    in_zone = instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)
    return round(in_zone.timestamp() * 1000)


def _own_id(value: object) -> int:
    if isinstance(value, str) and len(value) <= _LONGEST_ID and value.isascii() and value.isdigit():
        own_id = int(value)
        if own_id < _MAX_ID and str(own_id) == value:
            return own_id
    raise BrokenPagingError("rows whose ids are no numbers")


def _digest(row: Mapping[str, Any]) -> int:
    status, space, parent, owner = map(row.get, ("status", "spaceId", "parentId", "ownerId"))
    text = f"{status!r}{space!r}{parent!r}{owner!r}"
    digest = blake2b(text.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).digest()
    return int.from_bytes(digest, "big")

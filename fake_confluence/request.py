"""Hold a request, and refuse what the fake does not imitate."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

Parameters = Mapping[str, Sequence[str] | None]
"""The known parameters, each with its values; None where any value is accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that came.

    Args:
        path: `/wiki/api/v2/pages`.
        params: The query, decoded: `(("limit", "250"), ("cursor", "eyJpZCI6…"))`.
        headers: With names in lower case.
        body: As it came.
    """

    method: str
    path: str
    params: tuple[tuple[str, str], ...]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def host(self) -> str:
        """The host that was asked: `acme.atlassian.net`, `localhost:38211`."""
        return self.headers.get("host", "site.invalid")

    @property
    def limit(self) -> int:
        """The rows that it asks for, as planned faults count them."""
        text = dict(self.params).get("limit", "25")
        return int(text) if text.isdigit() else 25


class RefusedError(Exception):
    """The request is answered with 400."""


def checked(
    call: Call, name: str, known: Parameters, repeatable: Container[str] = ()
) -> dict[str, str]:
    """The parameters, each known to this list, given once, with a known value.

    Those that may be repeated are joined by commas.
    """
    params: dict[str, str] = {}
    for given, value in call.params:
        if given in params and given not in repeatable:
            raise RefusedError("A parameter is given twice, which this fake does not imitate.")
        params[given] = f"{params[given]},{value}" if given in params else value
    for given, value in params.items():
        if given not in known:
            raise RefusedError(f"This fake does not imitate the parameter '{given}' of {name}.")
        values = known[given]
        if values is not None and value not in values:
            raise RefusedError(f"This fake does not imitate {given}={value}.")
    return params


def whole_number(params: Mapping[str, str], name: str, default: int) -> int:
    """The value of a parameter, which must be digits."""
    text = params.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise RefusedError(f"'{name}' is not a whole number.")
    return int(text)

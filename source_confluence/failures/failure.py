"""Say what a failure is: what happened, the likely cause, what to do, and what happens next."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

_CAUSE = " Likely cause: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for, in words for the person who reads the message.

    Args:
        host: `acme.atlassian.net`.
        path: `/wiki/api/v2/pages`.
        permission: What the account must be allowed: `permission to view the pages`.
        otherwise: What to do when that cannot be granted: `deselect the stream 'pages'`.
        place: Where in the list it was: `at the offset 2000`.
        scope: What a token must have, if it has scopes: `read:page:confluence`.
        refused: The likely cause when the credentials are not accepted, the rest of a sentence.
        renewal: How to get others, a sentence.
        widening: How to get credentials with that scope, the beginning of a sentence.
        server: Who was asked, where that is not the host: `api.atlassian.com`.
    """

    host: str
    path: str
    permission: str
    otherwise: str
    place: str = "where it begins"
    scope: str = ""
    refused: str = ""
    renewal: str = ""
    widening: str = ""
    server: str = ""

    @property
    def subject(self) -> str:
        """Host and path: `acme.atlassian.net/wiki/api/v2/pages`."""
        return f"{self.host}{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One row of the table.

    Args:
        happened: What happened, a sentence.
        cause: The likely cause, the rest of a sentence.
        remedy: What to do, a sentence.
        failure_type: Who must act next: the user, time, or the maintainers.
        max_retries: How many more attempts are made before it is final.
        is_of_size: Whether a smaller page may succeed.
    """

    happened: str
    cause: str
    remedy: str
    failure_type: FailureType
    max_retries: int = 0
    is_of_size: bool = False

    def message(self, request: Request, *, status: int | None = None, detail: str = "") -> str:
        """The whole text for the user, in three parts.

        Args:
            request: What was asked for.
            status: The HTTP status, where a response came.
            detail: What exactly was wrong, where the row leaves that open.
        """
        parts = f"{self.happened}{_CAUSE}{self.cause} What to do: {self.remedy}"
        return _filled(parts, request, status, detail)

    def summary(self, request: Request, *, status: int | None = None, detail: str = "") -> str:
        """What happened, without the rest: for the log."""
        return _filled(self.happened, request, status, detail)


def by_stream(messages: Mapping[str, str]) -> list[str]:
    """The messages of several streams, a line each; one line for those with the same way out.

    `["audit: acme.atlassian.net refused … Likely cause: … What to do: …", "pages, space: …"]`
    """
    happened: dict[str, dict[str, str]] = {}
    for name, message in messages.items():
        what, _, why = message.partition(_CAUSE)
        happened.setdefault(why or what, {})[name] = what
    lines = []
    for why, whats in happened.items():
        what = " ".join(dict.fromkeys(whats.values()))
        lines.append(f"{', '.join(whats)}: {what}" + (f"{_CAUSE}{why}" if why != what else ""))
    return lines


def _filled(template: str, request: Request, status: int | None, detail: str) -> str:
    words = {**asdict(request), "server": request.server or request.host}
    return template.format(**words, status=status, detail=detail)


class FinalFailureError(AirbyteTracedException):
    """A request failed for good.

    Args:
        failure: The row of the table.
        message: For the user.
        brief: For the log: method, path, status.
    """

    def __init__(self, failure: Failure, message: str, brief: str) -> None:
        super().__init__(message=message, internal_message=brief, failure_type=failure.failure_type)
        self.failure = failure

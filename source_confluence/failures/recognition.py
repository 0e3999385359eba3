"""Tell from the body of a refusal whether the site does not recognise the credentials.

Not every site answers 401 to a token that has expired, was revoked or is wrong.
"""

from typing import Any

import orjson
import requests

from source_confluence.transport.body import body_of

_LARGEST_BYTES = 64 * 1024
_LONGEST_SECONDS = 5  # `check` may meet four such bodies within its half minute
_REFUSALS = (403, 404)
_NO_ACCESS = "caller cannot access confluence"


def is_unrecognised(response: requests.Response) -> bool:
    """Whether an answer is one that such a site gives to every caller it does not know.

    v2 says `{"errors": [{"status": 404, "title": "Not Found", "detail": null}]}`, while a 404 that
    is meant names what it missed. v1 says `{"statusCode": 403, "message": "… caller cannot access
    Confluence"}`.

    Args:
        response: The answer, of which nothing but the head was read so far. Its body is read only
            where it may tell, and may be anything: what cannot be read in a few seconds says no.
    """
    if response.status_code not in _REFUSALS:
        return False
    match response.status_code, _document(response):
        case 404, {"errors": [{"title": "Not Found"} as error]}:
            return not error.get("detail")
        case 403, {"message": str(message)}:
            return _NO_ACCESS in message.lower()
    return False


def _document(response: requests.Response) -> Any:  # noqa: ANN401 (JSON)
    """The body, decoded; None when that is not possible."""
    try:
        return orjson.loads(body_of(response, _LARGEST_BYTES, _LONGEST_SECONDS))
    except (requests.RequestException, ValueError):
        return None

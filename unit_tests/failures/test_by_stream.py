"""What to do about several streams is said once where it is the same."""

from airbyte_cdk.models import FailureType

from source_confluence.failures.failure import Failure, Request, by_stream

EXPIRED = Failure(
    happened="{host} refused {path}.",
    cause="the token has expired.",
    remedy="Create another.",
    failure_type=FailureType.config_error,
)
FORBIDDEN = Failure(
    happened="{host} refused {path}.",
    cause="a permission is missing.",
    remedy="Grant it, or {otherwise}.",
    failure_type=FailureType.config_error,
)


def message(failure: Failure, name: str) -> str:
    request = Request(host="acme", path=f"/{name}", permission="", otherwise=f"deselect {name}")
    return failure.message(request)


def test_streams_with_the_same_way_out_share_a_line() -> None:
    messages = {name: message(EXPIRED, name) for name in ("notes", "badges")}
    messages["log"] = message(FORBIDDEN, "log")
    once = "Likely cause: the token has expired. What to do: Create another."
    assert by_stream(messages) == [
        f"notes, badges: acme refused /notes. acme refused /badges. {once}",
        f"log: {messages['log']}",
    ]


def test_what_happened_to_all_of_them_is_said_once() -> None:
    messages = dict.fromkeys(("notes", "badges"), message(EXPIRED, "site"))
    assert by_stream(messages) == [f"notes, badges: {messages['notes']}"]


def test_a_message_without_a_cause_stays_what_it_is() -> None:
    assert by_stream({"notes": "Something went wrong."}) == ["notes: Something went wrong."]

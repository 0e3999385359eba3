"""What the connector gets in with, as users enter it."""

from typing import Any

import pytest

from source_confluence.exceptions import ConfigError
from source_confluence.settings.config import Config
from source_confluence.settings.credentials import (
    ApiToken,
    Authorization,
    ClientCredentials,
    Credentials,
    ServiceAccountToken,
    credentials_of,
)

TOKEN = {"email": "ada@acme.com", "api_token": "hush-token"}
CLIENT = {"auth_type": "client_credentials", "client_id": "app", "client_secret": "hush-secret"}
PERSON = {
    "auth_type": "oauth2.0",
    "client_id": "app",
    "client_secret": "hush-secret",
    "refresh_token": "hush-refresh",
}
ACCOUNT = {"auth_type": "service_account_token", "api_token": "hush-account"}
FRESH = {"access_token": "hush-access", "token_expiry_date": "2026-11-25T12:00:00Z"}
KINDS: list[tuple[dict[str, str], Credentials]] = [
    (CLIENT, ClientCredentials(client_id="app", client_secret="hush-secret")),
    (
        PERSON,
        Authorization(client_id="app", client_secret="hush-secret", refresh_token="hush-refresh"),
    ),
    (
        {**PERSON, **FRESH},
        Authorization(
            client_id="app",
            client_secret="hush-secret",
            refresh_token="hush-refresh",
            access_token="hush-access",
            expiry="2026-11-25T12:00:00Z",
        ),
    ),
    (ACCOUNT, ServiceAccountToken(token="hush-account")),
]
NOTHING: list[dict[str, Any]] = [
    {},
    {"credentials": None},
    {"credentials": {}},
    {"credentials": {"auth_type": "api_token"}},
    {"credentials": "api_token"},  # the default of the form, taken literally
]
REQUIRED = [
    (entered, key) for entered in (CLIENT, PERSON, ACCOUNT) for key in entered if key != "auth_type"
]


def refusal(raw: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as refused:
        credentials_of(raw)
    message = str(refused.value)
    assert ". Likely cause: " in message
    assert "hush" not in message
    return message


def remedy(raw: dict[str, Any]) -> str:
    return refusal(raw).partition(" What to do: ")[2]


@pytest.mark.parametrize("beside", [{}, TOKEN, {"email": "", "api_token": ""}, {"email": 7}])
@pytest.mark.parametrize(("entered", "understood"), KINDS)
def test_each_kind_is_understood_whatever_stands_beside_it(
    beside: dict[str, Any], entered: dict[str, str], understood: Credentials
) -> None:
    assert credentials_of({**beside, "credentials": entered}) == understood


@pytest.mark.parametrize("nothing", NOTHING)
def test_without_credentials_email_and_token_count(nothing: dict[str, Any]) -> None:
    expected = ApiToken(email="ada@acme.com", token="hush-token")
    assert credentials_of({**TOKEN, **nothing}) == expected


@pytest.mark.parametrize("kind", [CLIENT, PERSON, ACCOUNT])
@pytest.mark.parametrize("blank", [None, "", "left out"])
def test_a_kind_that_was_only_chosen_gives_way_to_email_and_token(
    kind: dict[str, str], blank: str | None
) -> None:
    """Airbyte's form always chooses one; another program may send the first."""
    rest = {} if blank == "left out" else dict.fromkeys(set(kind) - {"auth_type"}, blank)
    entered = {"auth_type": kind["auth_type"], **rest}
    expected = ApiToken(email="ada@acme.com", token="hush-token")
    assert credentials_of({**TOKEN, "credentials": entered}) == expected


@pytest.mark.parametrize("missing", ["email", "api_token"])
@pytest.mark.parametrize("kind", [CLIENT, PERSON, ACCOUNT])
def test_a_kind_that_was_only_chosen_counts_beside_half_of_the_others(
    kind: dict[str, str], missing: str
) -> None:
    raw = {**TOKEN, missing: "", "credentials": {"auth_type": kind["auth_type"]}}
    [first, *_] = [key for key in kind if key != "auth_type"]
    assert refusal(raw).startswith(f"The setting credentials.{first} is missing. ")


@pytest.mark.parametrize("missing", ["email", "api_token"])
def test_email_and_token_that_are_said_to_be_above_are_asked_for(missing: str) -> None:
    above = {key: value for key, value in TOKEN.items() if key != missing}
    raw = {**above, "credentials": {"auth_type": "api_token"}}
    assert refusal(raw).startswith(f"The setting {missing} is missing. ")


@pytest.mark.parametrize("nothing", NOTHING)
def test_with_nothing_at_all_it_says_what_there_is_to_enter(nothing: dict[str, Any]) -> None:
    told = remedy(nothing)
    for name in ("email", "api_token", "credentials"):
        assert name in told


@pytest.mark.parametrize(("entered", "key"), REQUIRED)
def test_what_is_missing_is_named_as_it_is_to_be_entered(entered: dict[str, str], key: str) -> None:
    without = {name: value for name, value in entered.items() if name != key}
    raw = {"credentials": without}
    assert refusal(raw).startswith(f"The setting credentials.{key} is missing. ")
    assert f'Enter it under the name "{key}"' in remedy(raw)


@pytest.mark.parametrize("value", ["  ", "one two", "one\ntwo", "one\ud800"])
@pytest.mark.parametrize(("entered", "key"), [*REQUIRED, ({**PERSON, **FRESH}, "access_token")])
def test_what_was_not_copied_whole_is_refused_with_where_to_get_it(
    entered: dict[str, str], key: str, value: str
) -> None:
    raw = {"credentials": {**entered, key: value}}
    name = {"api_token": "API token"}.get(key, key.replace("_", " "))
    assert refusal(raw).startswith(f"The {name} is blank or has a space, a line break or the like ")
    assert any(word in remedy(raw) for word in ("https://", "Authorize", "Leave it out"))


@pytest.mark.parametrize(("entered", "key"), REQUIRED)
def test_what_was_left_empty_is_refused(entered: dict[str, str], key: str) -> None:
    assert " is blank or " in refusal({"credentials": {**entered, key: ""}})


@pytest.mark.parametrize("value", [7, True, ["hush"], {"hush": 1}])
@pytest.mark.parametrize(("entered", "key"), [*REQUIRED, ({**PERSON, **FRESH}, "access_token")])
def test_what_is_no_text_is_refused(entered: dict[str, str], key: str, value: object) -> None:
    message = refusal({"credentials": {**entered, key: value}})
    assert message.startswith(f"The value of the setting credentials.{key} is not a text. ")
    assert f'"{key}": "…"' in message


@pytest.mark.parametrize(
    "entered",
    [
        "hush",
        "",
        7,
        ["hush"],
        {"client_id": "hush"},
        {"auth_type": None, "api_token": "hush"},
        {"auth_type": "Client_Credentials"},
        {"auth_type": ["oauth2.0"]},
        {"auth_type": {"oauth2.0": 1}},
    ],
)
def test_what_is_of_no_kind_is_refused_with_the_kinds_that_there_are(entered: object) -> None:
    raw = {**TOKEN, "credentials": entered}
    assert refusal(raw).startswith("The setting credentials does not say which kind they are. ")
    for name in (*(kind["auth_type"] for kind in (CLIENT, PERSON, ACCOUNT)), "auth_type"):
        assert name in remedy(raw)
    assert ", api_token as its " in remedy(raw)
    assert "enter email and api_token" in remedy(raw)


@pytest.mark.parametrize("nothing", [{}, {"access_token": None}, {"access_token": ""}])
@pytest.mark.parametrize("expiry", [None, "", "yesterday", 1764072000, {}])
def test_an_odd_expiry_date_or_no_access_token_is_nobodys_fault(
    nothing: dict[str, Any], expiry: object
) -> None:
    entered = {**PERSON, **nothing, "token_expiry_date": expiry}
    found = credentials_of({"credentials": entered})
    assert isinstance(found, Authorization)
    assert (found.access_token, found.expiry) == ("", expiry)


@pytest.mark.parametrize(
    "raw", [TOKEN, *({"credentials": entered} for entered, _ in KINDS)], ids=lambda raw: str([*raw])
)
def test_no_secret_is_in_the_repr(raw: dict[str, Any]) -> None:
    assert "hush" not in repr(credentials_of(raw))


@pytest.mark.parametrize("credentials", [understood for _, understood in KINDS])
def test_blanks_around_what_was_copied_are_taken_off(credentials: Credentials) -> None:
    [entered] = [entered for entered, understood in KINDS if understood == credentials]
    copied = {key for key in entered if key not in {"auth_type", "token_expiry_date"}}
    padded = {key: f" {value}\n" for key, value in entered.items() if key in copied}
    assert credentials_of({"credentials": {**entered, **padded}}) == credentials


@pytest.mark.parametrize("kind", [ApiToken, ServiceAccountToken, ClientCredentials, Authorization])
def test_each_kind_says_why_it_may_be_refused_and_how_to_get_another(kind: Any) -> None:  # noqa: ANN401
    assert kind.refused[0].islower()
    assert not kind.refused.endswith(".")
    assert kind.renewal[0].isupper()
    assert kind.renewal.endswith(".")


@pytest.mark.parametrize("value", [2**64, [{"x": -(2**70)}], "one\ud800"])
def test_what_cannot_be_handed_on_is_refused_before_a_token_is_used_up(value: object) -> None:
    """The message with the next refresh token holds all settings."""
    entered = {"domain_name": "acme.example", "x": value}
    with pytest.raises(ConfigError, match="cannot be handed on") as refused:
        Config.parse({**entered, "credentials": PERSON})
    assert "What to do: Remove the settings that the form does not have." in str(refused.value)
    assert Config.parse({**entered, "credentials": CLIENT})

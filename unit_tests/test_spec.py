import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

import jinja2
import jsonschema
import pytest
from airbyte_cdk.utils.airbyte_secrets_utils import get_secrets

from source_confluence import SourceConfluence
from source_confluence.settings.config import Config
from source_confluence.settings.credentials import ApiToken, Authorization
from source_confluence.streams.base import ConfluenceStream
from source_confluence.streams.catalog import STREAMS
from source_confluence.transport.oauth import TOKEN_URL
from unit_tests.protocol import check, run

SOUND = {"email": "ada@acme.com", "api_token": "t0ken", "domain_name": "acme.example"}
AUTH_TYPES = ["oauth2.0", "client_credentials", "service_account_token"]


def specification() -> dict[str, Any]:
    [message] = [m for m in run("spec").messages if m["type"] == "SPEC"]
    return dict(message["spec"])


def spec() -> dict[str, Any]:
    return dict(specification()["connectionSpecification"])


def option(auth_type: str) -> dict[str, Any]:
    """One of the options of `credentials`."""
    options = spec()["properties"]["credentials"]["oneOf"]
    [found] = [each for each in options if each["properties"]["auth_type"]["const"] == auth_type]
    return dict(found)


def example(fields: dict[str, Any]) -> dict[str, Any]:
    """What the form shows as examples of fields, without those that have options."""
    return {
        name: field["const"] if "const" in field else field["examples"][0]
        for name, field in fields.items()
        if "oneOf" not in field
    }


def every_field(fields: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each field by its name, those of options too, but not what only tells the options apart."""
    for name, field in fields.items():
        if "const" not in field:
            yield name, field
        for each in field.get("oneOf", []):
            yield from every_field(each["properties"])


def in_order(fields: dict[str, Any]) -> list[str]:
    return sorted(fields, key=lambda name: int(fields[name]["order"]))


def test_it_asks_for_email_token_and_domain_in_this_order() -> None:
    optional = ["content_statuses", "body_format", "spaces", "excluded_spaces", "personal_spaces"]
    optional += ["start_date"]
    optional += ["census", "allow_mass_removal", "num_workers"]
    first = ["email", "api_token", "domain_name", "credentials"]
    assert in_order(spec()["properties"]) == [*first, *optional]


def test_only_the_domain_is_required_because_the_rest_depends_on_the_credentials() -> None:
    """Airbyte's form folds up what is not required, unless it is told not to."""
    form = spec()
    assert form["required"] == ["domain_name"]
    shown = [name for name, field in form["properties"].items() if field.get("always_show")]
    assert shown == ["email", "api_token", "credentials"]


def test_an_option_asks_for_its_kind_first_with_orders_of_their_own() -> None:
    assert in_order(option("client_credentials")["properties"]) == [
        "auth_type",
        "client_id",
        "client_secret",
    ]
    assert in_order(option("service_account_token")["properties"]) == ["auth_type", "api_token"]
    assert in_order(option("oauth2.0")["properties"]) == [
        "auth_type",
        "client_id",
        "client_secret",
        "refresh_token",
        "access_token",
        "token_expiry_date",
    ]
    assert in_order(option("api_token")["properties"]) == ["auth_type"]
    for fields in [spec()["properties"], *(option(each)["properties"] for each in AUTH_TYPES)]:
        orders = sorted(field["order"] for field in fields.values())
        assert orders == list(range(len(fields)))


def test_settings_of_version_2_0_0_fit_the_form_and_mean_what_they_meant() -> None:
    old = {**SOUND, "num_workers": 8}
    jsonschema.validate(old, spec())
    config = Config.parse(old)
    assert config.credentials == ApiToken(email="ada@acme.com", token="t0ken")
    assert (config.host, config.num_workers) == ("acme.example", 8)


@pytest.mark.parametrize("number", [1, 16, 25])
def test_form_and_command_take_up_to_25_workers(number: int) -> None:
    jsonschema.validate({**SOUND, "num_workers": number}, spec())
    assert Config.parse({**SOUND, "num_workers": number}).num_workers == number


@pytest.mark.parametrize("number", [0, 26, -1, 2.5, "8", [8]])
def test_form_and_command_refuse_other_numbers_of_workers(number: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**SOUND, "num_workers": number}, spec())
    status, message = check({**SOUND, "num_workers": number})
    assert status == "FAILED"
    assert message.startswith("The number of workers is not a whole number from 1 to 25. ")


def test_without_a_number_of_workers_it_is_what_the_form_shows() -> None:
    shown = spec()["properties"]["num_workers"]["default"]
    assert Config.parse(SOUND).num_workers == shown
    assert Config.parse({**SOUND, "num_workers": None}).num_workers == shown


def test_every_setting_has_a_title_a_description_and_an_example() -> None:
    for name, field in every_field(spec()["properties"]):
        assert field["title"]
        assert len(field["description"]) > 35, name
        assert "oneOf" in field or field["examples"]


def test_the_secrets_are_what_somebody_could_get_in_with() -> None:
    fields = list(every_field(spec()["properties"]))
    secret = {name for name, field in fields if field.get("airbyte_secret")}
    assert secret == {"api_token", "client_secret", "refresh_token", "access_token"}
    for name, field in fields:
        assert (name in secret) == field.get("airbyte_secret", False), name


@pytest.mark.parametrize("auth_type", AUTH_TYPES)
def test_the_secrets_of_credentials_are_masked_though_the_rules_are_ours(auth_type: str) -> None:
    source = SourceConfluence()
    form = source.spec(logging.getLogger("airbyte"))
    fields = option(auth_type)["properties"]
    entered = {**SOUND, "credentials": example(fields)}
    source.configure(entered, "")
    jsonschema.validate(entered, form.connectionSpecification)
    secret = [example(fields)[name] for name, field in fields.items() if "airbyte_secret" in field]
    assert secret
    assert set(get_secrets(form.connectionSpecification, entered)) == {"t0ken", *secret}


def test_the_examples_are_settings_that_work() -> None:
    entered = example(spec()["properties"])
    jsonschema.validate(entered, spec())
    assert Config.parse(entered).host == "acme.atlassian.net"


def test_a_form_that_always_chooses_an_option_chooses_email_and_token() -> None:
    """Airbyte's takes the one whose constant is the default, and else the first."""
    default = spec()["properties"]["credentials"]["default"]
    assert option(default)["required"] == ["auth_type"]
    credentials = example(option(default)["properties"])
    entered = {**example(spec()["properties"]), "credentials": credentials}
    jsonschema.validate(entered, spec())
    assert isinstance(Config.parse(entered).credentials, ApiToken)


@pytest.mark.parametrize("auth_type", AUTH_TYPES)
@pytest.mark.parametrize("blank", [{}, {"email": "", "api_token": ""}], ids=["left out", "empty"])
def test_the_examples_of_each_kind_of_credentials_work(
    auth_type: str, blank: dict[str, str]
) -> None:
    credentials = example(option(auth_type)["properties"])
    entered = {**blank, "domain_name": "acme.example", "credentials": credentials}
    jsonschema.validate(entered, spec())
    assert not isinstance(Config.parse(entered).credentials, ApiToken)


@pytest.mark.parametrize("auth_type", AUTH_TYPES)
def test_what_credentials_require_is_required_by_form_and_command(auth_type: str) -> None:
    sound = example(option(auth_type)["properties"])
    for name in option(auth_type)["required"]:
        credentials = {k: v for k, v in sound.items() if k != name}
        entered = {"domain_name": "acme.example", "credentials": credentials}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(entered, spec())
        status, message = check(entered)
        assert status == "FAILED"
        assert name in message.partition("What to do: ")[2]


@pytest.mark.parametrize("credentials", ["t0ken", ["t0ken"], {"auth_type": "basic"}])
def test_credentials_of_no_kind_are_refused_by_form_and_command(credentials: object) -> None:
    entered = {**SOUND, "credentials": credentials}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(entered, spec())
    status, message = check(entered)
    assert status == "FAILED"
    assert message.startswith("The setting credentials does not say which kind they are. ")
    assert "t0ken" not in message


def test_an_empty_email_passes_the_form_and_is_missed_by_the_command() -> None:
    """A form sends what was left empty, and only the command knows whether something else is."""
    entered = {**SOUND, "email": ""}
    jsonschema.validate(entered, spec())
    status, message = check(entered)
    assert status == "FAILED"
    assert "What to do: Enter the address you log in to Atlassian with" in message


ADDRESSES = [
    "acme.atlassian.net",
    " acme.atlassian.net ",
    "https://acme.atlassian.net/wiki/spaces/ENG/pages/42/Hello+world...?x=1#top",
    "HTTPS://ACME.ATLASSIAN.NET/WIKI/",
    "https://acme.atlassian.net/?atlOrigin=x",
    "https://acme.atlassian.net//wiki",
    "acme.atlassian.net.:443//",
    "[::1]:8443",
    "wiki.bücher.example",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_form_takes_the_addresses_that_are_understood(address: str) -> None:
    entered = {**SOUND, "domain_name": address}
    jsonschema.validate(entered, spec())
    assert Config.parse(entered)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("email", "ada"),
        ("email", "acme.atlassian.net"),
        ("domain_name", ""),
        ("domain_name", "ada@acme.com"),
        ("domain_name", "https://ada:hush@acme.atlassian.net"),
        ("domain_name", "acme atlassian net"),
        ("domain_name", "acme.atlassian.net/jira"),
        ("domain_name", "acme.atlassian.net/wikis"),
        ("domain_name", "ftp://acme.atlassian.net"),
        ("domain_name", "acme..atlassian.net"),
        ("domain_name", "acme.atlassian,net"),
        ("domain_name", "acme.atlassian.net:https"),
        ("domain_name", "https:acme.atlassian.net"),
        ("domain_name", "-"),
    ],
)
def test_what_the_form_refuses_the_command_refuses_in_words(setting: str, value: str) -> None:
    entered = {**SOUND, setting: value}
    with pytest.raises(jsonschema.ValidationError, match="does not match"):
        jsonschema.validate(entered, spec())
    status, message = check(entered)
    assert status == "FAILED"
    assert "What to do: Enter the " in message


def test_the_form_wants_the_whole_host_name() -> None:
    """Somewhere it might be the name of a host, so on the command line only the check can tell."""
    with pytest.raises(jsonschema.ValidationError, match="does not match"):
        jsonschema.validate({**SOUND, "domain_name": "acme"}, spec())


def test_without_a_form_the_settings_stay_as_they_are(tmp_path: Path) -> None:
    assert SourceConfluence().configure({"email": 7}, str(tmp_path)) == {"email": 7}


def test_every_pattern_comes_with_words_for_it() -> None:
    for _, setting in every_field(spec()["properties"]):
        assert ("pattern" in setting) == ("pattern_descriptor" in setting)


def test_a_secret_has_no_pattern_because_a_refusal_would_show_it() -> None:
    """Validators of JSON schemas print the value that does not match."""
    for _, field in every_field(spec()["properties"]):
        assert not {"pattern", "airbyte_secret"} <= set(field)


def button() -> dict[str, Any]:
    """What Airbyte's form offers a button by, where an app is registered with Airbyte."""
    return dict(specification()["advanced_auth"])


def test_the_option_with_the_button_is_the_first() -> None:
    """As Airbyte's older tests want it.

    Source: https://docs.airbyte.com/connector-development/testing-connectors/connector-acceptance-tests-reference
    """
    assert button()["auth_flow_type"] == "oauth2.0"
    assert button()["predicate_key"] == ["credentials", "auth_type"]
    first = spec()["properties"]["credentials"]["oneOf"][0]
    assert first["properties"]["auth_type"]["const"] == button()["predicate_value"]


def consent(client_id: str, redirect_uri: str, state: str) -> str:
    """Rendered as Airbyte does, whose `urlencode` makes plus signs of blanks."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 (no HTML)
    environment.filters["urlencode"] = quote_plus
    flow = button()["oauth_config_specification"]["oauth_connector_input_specification"]
    return environment.from_string(flow["consent_url"]).render(
        client_id_param=f"client_id={client_id}",
        redirect_uri_param=f"redirect_uri={quote_plus(redirect_uri)}",
        state_param=f"state={state}",
        scope_value=flow["scope"],
    )


def test_the_button_leads_to_a_page_that_asks_for_consent() -> None:
    flow = button()["oauth_config_specification"]["oauth_connector_input_specification"]
    rendered = consent("app", "https://airbyte.example/auth_flow", "5tate")
    url = urlsplit(rendered)
    assert (url.scheme, url.netloc, url.path) == ("https", "auth.atlassian.com", "/authorize")
    assert dict(parse_qsl(url.query, strict_parsing=True)) == {
        "audience": "api.atlassian.com",
        "prompt": "consent",
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": "https://airbyte.example/auth_flow",
        "state": "5tate",
        "scope": flow["scope"],
    }
    assert not set("+ ") & set(rendered)


def test_whoever_has_no_button_is_told_to_do_the_same() -> None:
    text = (Path(__file__).parents[1] / "docs" / "credentials.md").read_text()
    flow = button()["oauth_config_specification"]["oauth_connector_input_specification"]
    pasted = re.findall(r"```text\n(.*?)\n```", text, re.DOTALL)
    assert consent("CLIENT_ID", "https://localhost/callback", "mine") in pasted
    assert flow["scope"].removesuffix(" offline_access") in pasted
    [exchange] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert set(exchange) == set(flow["access_token_params"])
    assert exchange["grant_type"] == flow["access_token_params"]["grant_type"]
    assert f"@code.json {TOKEN_URL}\n" in text


@pytest.mark.parametrize("stream", STREAMS)
def test_the_button_asks_for_the_scope_of_each_stream(stream: type[ConfluenceStream]) -> None:
    flow = button()["oauth_config_specification"]["oauth_connector_input_specification"]
    assert set(stream.scope.split(" or ")) & set(flow["scope"].split())


def test_the_button_asks_for_no_more_than_streams_check_and_refresh_need() -> None:
    flow = button()["oauth_config_specification"]["oauth_connector_input_specification"]
    of_streams = {scope for stream in STREAMS for scope in stream.scope.split(" or ")}
    assert set(flow["scope"].split()) - of_streams == {"read:confluence-user", "offline_access"}


def test_the_code_is_exchanged_where_tokens_are_refreshed() -> None:
    flow = button()["oauth_config_specification"]["oauth_connector_input_specification"]
    assert flow["access_token_url"] == TOKEN_URL
    assert flow["access_token_headers"] == {"Content-Type": "application/json"}
    assert flow["access_token_params"] == {
        "grant_type": "authorization_code",
        "client_id": "{{ client_id_value }}",
        "client_secret": "{{ client_secret_value }}",
        "code": "{{ auth_code_value }}",
        "redirect_uri": "{{ redirect_uri_value }}",
    }


def test_what_the_button_brings_is_what_the_connector_reads() -> None:
    rules = button()["oauth_config_specification"]
    flow = rules["oauth_connector_input_specification"]
    brought = rules["complete_oauth_output_specification"]["properties"]
    of_the_app = rules["complete_oauth_server_output_specification"]["properties"]
    assert set(of_the_app) == set(rules["complete_oauth_server_input_specification"]["properties"])
    taken = [".".join(field["path_in_oauth_response"]) for field in brought.values()]
    assert taken == flow["extract_output"]
    assert brought["token_expiry_date"]["path_in_oauth_response"] == [flow["token_expiry_key"]]

    credentials = {"auth_type": button()["predicate_value"]}
    for name, field in {**brought, **of_the_app}.items():
        group, key = field["path_in_connector_config"]
        assert group == "credentials"
        credentials[key] = f"the-{name}"
    assert set(credentials) == set(option("oauth2.0")["properties"])
    parsed = Config.parse({"domain_name": "acme.example", "credentials": credentials})
    assert parsed.credentials == Authorization(
        client_id="the-client_id",
        client_secret="the-client_secret",
        refresh_token="the-refresh_token",
        access_token="the-access_token",
        expiry="the-token_expiry_date",
    )


def test_the_source_needs_no_arguments() -> None:
    assert SourceConfluence().name == "SourceConfluence"

import re

import pytest

from source_confluence.exceptions import ConfigError
from source_confluence.settings.config import Config
from source_confluence.settings.credentials import ApiToken
from source_confluence.settings.host import host_of


@pytest.mark.parametrize(
    ("pasted", "host"),
    [
        ("acme.atlassian.net", "acme.atlassian.net"),
        ("https://acme.atlassian.net/wiki/", "acme.atlassian.net"),
        ("https://acme.atlassian.net/wiki", "acme.atlassian.net"),
        ("https://acme.atlassian.net", "acme.atlassian.net"),
        ("http://acme.atlassian.net/", "acme.atlassian.net"),
        ("acme.atlassian.net/wiki/spaces/ENG/pages/42/Hello+world...", "acme.atlassian.net"),
        ("https://acme.atlassian.net/wiki/home?x=1#top", "acme.atlassian.net"),
        ("https://acme.atlassian.net/wiki?atlOrigin=x", "acme.atlassian.net"),
        ("  ACME.Atlassian.NET  ", "acme.atlassian.net"),
        ("\N{NO-BREAK SPACE}acme.atlassian.net\N{NO-BREAK SPACE}", "acme.atlassian.net"),
        ("HTTPS://Acme.Atlassian.net./", "acme.atlassian.net"),
        ("HTTPS://ACME.ATLASSIAN.NET/WIKI/", "acme.atlassian.net"),
        ("https://acme.atlassian.net//wiki", "acme.atlassian.net"),
        ("https://acme.atlassian.net/?atlOrigin=x", "acme.atlassian.net"),
        ("acme.atlassian.net.:443//", "acme.atlassian.net:443"),
        ("localhost:8443", "localhost:8443"),
        ("127.0.0.1:8443", "127.0.0.1:8443"),
        ("[::1]:8443", "[::1]:8443"),
        ("wiki.bücher.example", "wiki.xn--bcher-kva.example"),
    ],
)
def test_what_people_paste_is_understood(pasted: str, host: str) -> None:
    assert host_of(pasted) == host


@pytest.mark.parametrize(
    "entered",
    [
        "",
        "   ",
        "https://",
        "/",
        "acme.atlassian.net/jira",
        "acme.atlassian.net/wikis",
        "acme.atlassian.net/home",
        "acme.atlassian.net:\uff14\uff14\uff13",
        "acme.atlassian.net/wiki/../admin",
        "acme.atlassian.net/wiki/..",
        "acme.atlassian.net\\@evil.example",
        "user:secret-password@acme.atlassian.net",
        "ada@acme.com",
        "https://acme.atlassian.net@evil.example/wiki",
        "ftp://acme.atlassian.net",
        "javascript://acme.atlassian.net",
        "file:///etc/passwd",
        "acme.atlassian.net\r\nX-Injected: 1",
        "acme.atlassian.net\n",
        "acme\x00.atlassian.net",
        "acme\N{ZERO WIDTH SPACE}.atlassian.net",
        "acme atlassian net",
        "acme..atlassian.net",
        ".atlassian.net",
        "-acme.atlassian.net",
        "%61cme.atlassian.net",
        "acme.atlassian.net:",
        "acme.atlassian.net:0",
        "acme.atlassian.net:65536",
        "acme.atlassian.net:https",
        "[::1",
        "[fe80::1%eth0]",
        "[not-an-address]",
        "a" * 64 + ".atlassian.net",
        ".".join(["a" * 60] * 5),
        "\N{SNOWMAN}" * 300,
    ],
)
def test_what_cannot_be_a_host_is_refused_with_what_to_enter(entered: str) -> None:
    with pytest.raises(ConfigError) as refused:
        host_of(entered)
    message = str(refused.value)
    assert "Likely cause: " in message
    assert "What to do: Enter the host name" in message
    assert "acme.atlassian.net" in message
    assert "secret-password" not in message


def test_email_and_token_lose_the_blanks_around_them() -> None:
    config = Config.parse(
        {"email": " ada@acme.com\n", "api_token": "\tATATT3x=\n", "domain_name": "acme.example"}
    )
    assert config.credentials == ApiToken(email="ada@acme.com", token="ATATT3x=")


def test_the_token_is_not_in_the_repr() -> None:
    config = Config.parse({"email": "a@b.c", "api_token": "hush", "domain_name": "acme.example"})
    assert "hush" not in repr(config)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("email", "", "e-mail address"),
        ("email", "ada", "e-mail address"),
        ("email", "ada:x@acme.com", "e-mail address"),
        ("email", "ada@acme.com\r\nX: 1", "e-mail address"),
        ("email", None, "setting email is missing"),
        ("api_token", "  ", "API token"),
        ("api_token", "one two", "API token"),
        ("api_token", "one\ud800", "API token"),
        ("api_token", "one\ntwo", "API token"),
        ("api_token", 7, "setting api_token is not a text"),
        ("domain_name", None, "setting domain_name is missing"),
    ],
)
def test_other_settings_that_cannot_work_are_refused(key: str, value: object, words: str) -> None:
    raw = {"email": "a@b.c", "api_token": "t", "domain_name": "acme.example", key: value}
    with pytest.raises(ConfigError, match=words) as refused:
        Config.parse(raw)
    assert "Likely cause: " in str(refused.value)
    assert "What to do: " in str(refused.value)
    told = str(refused.value).replace("one piece", "").replace("gets one", "")
    assert not re.search(r"\bone\b", told)


def test_a_setting_under_another_name_is_named() -> None:
    misspelt = {"email": "a@b.c", "token": "hush", "domain_name": "acme.example"}
    with pytest.raises(ConfigError, match="The setting api_token is missing") as refused:
        Config.parse(misspelt)
    assert "hush" not in str(refused.value)

"""The check fails when a space that the settings name does not exist, and names the nearest one."""

from typing import Any

import pytest

from fake_confluence import Fault, RunningSite
from unit_tests.conftest import StartSite
from unit_tests.protocol import check
from unit_tests.streams_under_test import PATHS, SPACES, contents

SITE = contents({SPACES: 12})
SETTINGS = pytest.mark.parametrize("setting", ["spaces", "excluded_spaces"])


def checked(site: RunningSite, **settings: Any) -> tuple[str, str]:  # noqa: ANN401
    return check({**site.config, **settings})


def questions(site: RunningSite) -> list[dict[str, str]]:
    """The requests for spaces, without that of the stream for one row."""
    asked = [dict(call.params) for call in site.calls if call.path == PATHS[SPACES]]
    return [params for params in asked if params["limit"] != "1"]


@SETTINGS
def test_keys_that_exist_take_one_request(setting: str, start_site: StartSite) -> None:
    site = start_site(SITE)
    assert checked(site, **{setting: ["SP1", "sp8"]}) == ("SUCCEEDED", "")
    assert questions(site) == [{"limit": "250", "keys": "SP1,sp8"}]


@SETTINGS
def test_a_key_that_does_not_exist_fails_with_the_nearest_one(
    setting: str, start_site: StartSite
) -> None:
    site = start_site(contents({SPACES: 12}), page_cap=5)
    status, message = checked(site, **{setting: ["SP1", "SPO10"]})
    assert status == "FAILED"
    assert message.startswith(
        f"{site.host} shows us no space with the key SPO10 (the nearest is SP10). Likely cause: "
    )
    assert f" ENG in https://{site.host}/wiki/spaces/ENG/overview; " in message
    assert message.endswith(" or remove its key.")


def test_the_name_of_a_space_leads_to_its_key(start_site: StartSite) -> None:
    site = start_site(SITE)
    history = site.service.history
    history.rename(history.rows(SPACES)[2]["id"], "Engineering")
    status, message = checked(site, spaces=["engineering"])
    assert status == "FAILED"
    assert "no space with the key engineering (the nearest is SP2)." in message


def test_without_a_key_that_is_near_none_is_named(start_site: StartSite) -> None:
    status, message = checked(start_site(SITE), spaces=["MARKETING"])
    assert status == "FAILED"
    assert "no space with the key MARKETING. Likely cause: " in message


def test_of_many_unknown_keys_a_few_are_named(start_site: StartSite) -> None:
    _, message = checked(start_site(SITE), spaces=[f"{letter}?{letter}" for letter in "ABCDEFG"])
    assert "no space with the key A?A, B?B, C?C, D?D, E?E, …. Likely cause: " in message


def test_a_space_that_the_account_may_not_view_fails(start_site: StartSite) -> None:
    site = start_site(SITE)
    history = site.service.history
    history.hide(history.rows(SPACES)[2]["id"])
    status, message = checked(site, spaces=["SP2"])
    assert status == "FAILED"
    assert "the account may not view" in message


def test_without_spaces_in_the_settings_none_is_looked_for(start_site: StartSite) -> None:
    site = start_site(SITE)
    assert checked(site, personal_spaces=False) == ("SUCCEEDED", "")
    assert questions(site) == []


def test_of_very_many_spaces_some_thousand_are_looked_at(start_site: StartSite) -> None:
    site = start_site(contents({SPACES: 300}), page_cap=10)
    status, _ = checked(site, spaces=["NOSUCH"])
    assert status == "FAILED"
    assert len(questions(site)) == 21


def test_a_list_of_spaces_that_is_refused_fails(start_site: StartSite, waits: list[float]) -> None:
    refused = Fault(kind="status", status=403, path=PATHS[SPACES], count=None)
    site = start_site(SITE, faults=[refused])
    status, message = checked(site, spaces=["SP1"])
    assert status == "FAILED"
    assert message.startswith(f"{site.host} refused {PATHS[SPACES]} (HTTP 403). ")
    assert message.endswith(" or leave out the settings that select spaces.")
    assert waits


def test_a_site_that_is_busy_says_nothing_about_spaces(
    start_site: StartSite, waits: list[float]
) -> None:
    busy = Fault(kind="status", status=503, path=PATHS[SPACES], count=None)
    assert checked(start_site(SITE, faults=[busy]), spaces=["NOSUCH"]) == ("SUCCEEDED", "")
    assert waits


def test_a_list_of_spaces_that_does_not_come_is_not_waited_for(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("permissions", "reading.space_check"):
        monkeypatch.setattr(f"source_confluence.{module}.DEADLINE_SECONDS", 0.5)
    slow = Fault(kind="slow", seconds=5, path=PATHS[SPACES], count=None)
    assert checked(start_site(SITE, faults=[slow]), spaces=["NOSUCH"]) == ("SUCCEEDED", "")

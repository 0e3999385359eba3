"""The fake site does what its docstring says, and what the recordings of real sites show."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote

import pytest
import requests

from fake_confluence import Content, Fault, RunningSite
from fake_confluence.bodies import body
from fake_confluence.paging import ByCursor, ByOffset
from fake_confluence.routes import ROUTES, Route
from fake_confluence.rows import Row, Sizes
from unit_tests.conftest import StartSite
from unit_tests.recordings import recorded_lists, recording
from unit_tests.streams_under_test import (
    ASKED_FOR,
    BY_CURSOR,
    BY_ID,
    BY_OFFSET,
    LEFT_OUT,
    NAMES,
    OFFSETS,
    PATHS,
    PINNED,
    SEQUENTIAL,
    TABLE,
    UNPINNED,
    WITH_BODIES,
    content,
    every_stream,
    linked_stream,
    offset_stream,
)


def get(site: RunningSite, path: str, **params: object) -> requests.Response:
    return requests.get(
        f"https://{site.host}{path}",
        params={name.replace("_", "-"): str(value) for name, value in params.items()},
        auth=(site.config["email"], site.config["api_token"]),
        timeout=5,
        allow_redirects=False,
    )


def follow(site: RunningSite, link: str) -> Any:  # noqa: ANN401
    return requests.get(
        f"https://{site.host}{link}",
        auth=(site.config["email"], site.config["api_token"]),
        timeout=5,
    ).json()


@every_stream
def test_the_same_seed_gives_the_same_rows_and_another_others(stream: str) -> None:
    rows = Content(seed=5).rows(stream)
    assert rows == Content(seed=5).rows(stream)
    assert rows != Content(seed=6).rows(stream)


@linked_stream
def test_its_next_links_lead_through_the_whole_list(stream: str, start_site: StartSite) -> None:
    site = start_site(content(stream, 23))
    rows = []
    answer = get(site, PATHS[stream], limit=5, **ASKED_FOR[stream]).json()
    links = []
    while True:
        rows += answer["results"]
        link = answer["_links"].get("next")
        if link is None:
            break
        links.append(link)
        # Raw plus signs mean spaces to a server; whoever follows a raw link must escape them.
        answer = follow(site, link.replace("+", "%2B"))
    assert rows == site.service.content.rows(stream)
    assert len(links) == 4
    assert all(link.startswith(PATHS[stream] + "?") for link in links)
    assert any(re.search(r"cursor=[^&]*[+/]", link) for link in links), "raw"
    assert any(re.search(r"cursor=[^&]*%2B", link) for link in links), "escaped"
    assert any(re.search(r"[?]cursor=", link) for link in links), "first"
    assert any(re.search(r"&cursor=[^&]*$", link) for link in links), "last"


@linked_stream
def test_a_cursor_that_was_not_escaped_is_refused(stream: str, start_site: StartSite) -> None:
    site = start_site(content(stream, 12))
    link = get(site, PATHS[stream], limit=5, **ASKED_FOR[stream]).json()["_links"]["next"]
    cursor = re.findall(r"cursor=([^&]+)", link)[0].replace("%2B", "+").replace("%2F", "/")
    assert follow(site, f"{PATHS[stream]}?limit=5&cursor={cursor}")["errors"][0]["status"] == 400


def test_a_cursor_is_base64_of_a_position_as_on_real_sites(
    api_notes: Path, start_site: StartSite
) -> None:
    recorded = recording(api_notes, "v2_blogposts.limit2.page1.200")["body"]["_links"]["next"]
    ours = get(start_site(), PATHS[BY_ID], limit=2).json()["_links"]["next"]
    positions = []
    for link in (recorded, ours):
        cursor = unquote(re.findall(r"cursor=([^&]+)", link)[0])
        positions.append(json.loads(base64.b64decode(cursor)))
    real, made_up = positions
    assert set(made_up) == {*real, "salt"}
    assert {name: type(made_up[name]) for name in real} == {k: type(v) for k, v in real.items()}


@offset_stream
def test_offsets_and_limits_of_v1(stream: str, start_site: StartSite) -> None:
    site = start_site(content(stream, 12))
    answer = get(site, PATHS[stream], start=5, limit=5).json()
    assert answer["results"] == site.service.content.rows(stream)[5:10]
    assert (answer["start"], answer["limit"]) == (5, 5)
    assert ("next" in answer["_links"]) == (stream in UNPINNED)
    past_the_end = get(site, PATHS[stream], start=12, limit=5).json()
    assert past_the_end["results"] == []
    assert "next" not in past_the_end["_links"]
    capped = get(start_site(content(stream, 12), page_cap=4), PATHS[stream], limit=9).json()
    assert (len(capped["results"]), capped["limit"], "next" in capped["_links"]) == (4, 9, False)


def test_the_audit_log_is_newest_first_and_its_ends_are_inclusive(start_site: StartSite) -> None:
    site = start_site(content(PINNED, 12))
    dates = [row["creationDate"] for row in site.service.content.rows(PINNED)]
    assert dates == sorted(dates, reverse=True)
    assert len(set(dates)) < len(dates)
    answer = get(site, PATHS[PINNED], startDate=dates[7], endDate=dates[3]).json()
    assert [row["creationDate"] for row in answer["results"]] == dates[3:8]


@every_stream
def test_parameters_it_does_not_imitate_are_refused(stream: str, start_site: StartSite) -> None:
    site = start_site()
    for name, value in [("title", "Café"), ("subtype", "live"), ("expand", "body.storage")]:
        answer = get(site, PATHS[stream], **{name: value})
        assert answer.status_code == 400
        assert f"'{name}'" in answer.json()["errors"][0]["title"]
    twice = requests.get(
        f"https://{site.host}{PATHS[stream]}?limit=1&limit=2",
        auth=(site.config["email"], site.config["api_token"]),
        timeout=5,
    )
    assert twice.status_code == 400


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": "x"}, {"body-format": "view"}, {"cursor": "!"}]
)
def test_values_it_does_not_imitate_are_refused(
    params: dict[str, object], start_site: StartSite
) -> None:
    assert get(start_site(), PATHS[BY_CURSOR], **params).status_code == 400


def test_a_limit_over_250_is_refused_in_the_words_of_a_real_site(
    api_notes: Path, start_site: StartSite
) -> None:
    recorded = recording(api_notes, "error.v2_limit_over_250.400")["body"]["errors"][0]
    answer = get(start_site(), PATHS[BY_ID], limit=300)
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["title"] == recorded["title"]
    assert set(error) == set(recorded)


def bodies(size: int) -> list[str]:
    random = Random(1)  # noqa: S311 (it makes data up)
    return [body(index, size, random) for index in range(100)]


def test_bodies_have_what_real_ones_have() -> None:
    together = "".join(bodies(400))
    found = set(re.findall(r'ac:name="(\w+)"|<([\w:-]+)', together))
    macros, tags = ({*names} for names in zip(*found, strict=True))
    assert macros >= {"code", "expand", "status", "toc", "warning"}
    assert tags >= {"ac:image", "ac:layout", "ac:link", "ac:task-list", "ri:user", "table", "time"}
    assert "<![CDATA[" in together
    assert "&nbsp;" in together


@pytest.mark.parametrize("size", [60, 250, 400, 10_000])
def test_bodies_are_as_large_as_asked_for(size: int) -> None:
    sizes = [len(value) for value in bodies(size)]
    assert min(sizes) >= size
    assert max(sizes) <= size + 70, "a paragraph more, never an element"


def test_bodies_descriptions_and_icons_only_come_when_asked_for(start_site: StartSite) -> None:
    site = start_site()
    for stream in WITH_BODIES:
        for row in get(site, PATHS[stream]).json()["results"]:
            assert not any(row[field] for field in LEFT_OUT[stream])


def test_other_paths_are_not_found_and_nothing_can_be_written(start_site: StartSite) -> None:
    site = start_site()
    assert get(site, "/wiki/api/v2/tasks").status_code == 404
    url = f"https://{site.host}{PATHS[BY_CURSOR]}"
    assert requests.post(url, json={}, timeout=5).status_code == 405


def test_whoever_does_not_know_the_token_is_refused_or_sees_nothing(
    start_site: StartSite,
) -> None:
    closed, public = start_site(), start_site(welcomes_visitors=True)
    for site, status in ((closed, 401), (public, 200)):
        os.environ["REQUESTS_CA_BUNDLE"] = str(site.ca_file)
        answer = requests.get(f"https://{site.host}{PATHS[SEQUENTIAL]}", timeout=5)
        assert answer.status_code == status
    assert answer.json()["results"] == []
    v1 = requests.get(f"https://{public.host}{PATHS[BY_OFFSET]}", timeout=5)
    assert v1.status_code == 403
    user = requests.get(f"https://{public.host}/wiki/rest/api/user/current", timeout=5).json()
    assert user["type"] == "anonymous"


def stranger_asks(site: RunningSite, path: str) -> requests.Response:
    return requests.get(f"https://{site.host}{path}", auth=("ada@acme.com", "expired"), timeout=5)


@linked_stream
def test_v2_hides_its_lists_from_a_credential_it_does_not_know(
    stream: str, api_notes: Path, start_site: StartSite
) -> None:
    """As recorded; an error that is planned has another title."""
    recorded = recording(api_notes, "error.v2_page_not_found.404")["body"]
    site = start_site(refuses_with_401=False)
    refusal = stranger_asks(site, PATHS[stream])
    assert (refusal.status_code, refusal.json()) == (404, recorded)
    assert get(site, PATHS[stream]).status_code == 200


@pytest.mark.parametrize("path", [*map(PATHS.get, OFFSETS), "/wiki/rest/api/user/current"])
def test_v1_refuses_a_credential_it_does_not_know(path: str, start_site: StartSite) -> None:
    site = start_site(refuses_with_401=False)
    refusal = stranger_asks(site, path)
    assert (refusal.status_code, refusal.json()["statusCode"]) == (403, 403)
    assert "caller cannot access Confluence" in refusal.json()["message"]
    assert get(site, path).status_code == 200


@every_stream
def test_one_request_may_be_refused_like_that_of_a_stranger(
    stream: str, start_site: StartSite
) -> None:
    strict = start_site(refuses_with_401=False)
    refusal = stranger_asks(strict, PATHS[stream])
    site = start_site(faults=[Fault(kind="unrecognised", first=2)])
    first, second, third = (get(site, PATHS[stream]) for _ in range(3))
    assert (first.status_code, third.status_code) == (200, 200)
    assert (second.status_code, second.json()) == (refusal.status_code, refusal.json())


def test_a_status_may_come_with_a_body_of_its_own(start_site: StartSite) -> None:
    site = start_site(faults=[Fault(kind="status", status=404, body="<html>")])
    assert (get(site, PATHS[BY_OFFSET]).text, get(site, PATHS[BY_OFFSET]).status_code) == (
        "<html>",
        200,
    )


@pytest.mark.parametrize("stream", [name for name in NAMES if TABLE[name].recorded_row_count])
def test_its_rows_have_the_fields_and_types_of_recorded_ones(stream: str, api_notes: Path) -> None:
    def fields(value: object, where: str = "") -> set[tuple[str, str]]:
        if isinstance(value, dict):
            inner = [fields(part, f"{where}.{name}") for name, part in value.items()]
            return set().union(*inner)
        if isinstance(value, list):
            return set().union(*[fields(part, f"{where}[]") for part in value])
        return {(where, type(value).__name__)}

    recorded = set().union(*[fields(rows) for _, rows in recorded_lists(api_notes, stream)])
    made_up = fields(Content().rows(stream))
    # No list with a description, an icon, or one of these as null has been recorded; the OpenAPI
    # document, or a single page, has them all.
    allowed = r"\[\]\.(description|icon|ownerId|version\.(message|ncsStepVersion))\b.*"
    unseen = {field for field in made_up - recorded if not re.fullmatch(allowed, field[0])}
    assert not unseen
    always = {".id", ".title", ".name", ".spaceId", ".status", ".creationDate", ".summary"}
    for name in always:
        if any(where == f"[]{name}" for where, _ in recorded):
            assert any(where == f"[]{name}" for where, _ in made_up)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(kind="status", status=503, headers={"Retry-After": "7"}), 503),
        (Fault(kind="redirect", location="https://elsewhere.invalid/"), 302),
        (Fault(kind="html"), 200),
        (Fault(kind="no_results"), 200),
        (Fault(kind="half_json"), 200),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_faults_happen_as_planned_and_only_then(
    fault: Fault, status: int, start_site: StartSite
) -> None:
    site = start_site(faults=[Fault(**{**as_dict(fault), "path": PATHS[BY_CURSOR], "first": 2})])
    first, second, third = (get(site, PATHS[BY_CURSOR]) for _ in range(3))
    assert (first.status_code, second.status_code, third.status_code) == (200, status, 200)
    assert first.content == third.content != second.content
    assert set(fault.headers.items()) <= set(second.headers.items())
    assert get(site, PATHS[SEQUENTIAL]).status_code == 200


def as_dict(fault: Fault) -> dict[str, Any]:
    return {name: getattr(fault, name) for name in fault.__slots__}


@pytest.mark.parametrize("kind", ["drop", "cut", "bad_gzip"])
def test_connections_break_as_planned(kind: str, start_site: StartSite) -> None:
    site = start_site(faults=[Fault(kind=kind)])
    with pytest.raises(requests.RequestException):
        get(site, PATHS[BY_CURSOR])
    assert get(site, PATHS[BY_CURSOR]).status_code == 200


def test_a_slow_answer_is_slow(start_site: StartSite) -> None:
    site = start_site(faults=[Fault(kind="slow", seconds=0.2)])
    assert get(site, PATHS[BY_OFFSET]).elapsed.total_seconds() >= 0.2


def test_a_fault_may_concern_every_third_request(start_site: StartSite) -> None:
    site = start_site(faults=[Fault(kind="status", count=None, every=3)])
    statuses = [get(site, PATHS[BY_OFFSET]).status_code for _ in range(7)]
    assert statuses == [500, 200, 200, 500, 200, 200, 500]


def test_a_fault_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="There is no fault 'typo', only: added, bad_gzip"):
        Fault(kind="typo")


def test_it_remembers_what_came_but_shows_no_credentials(start_site: StartSite) -> None:
    site = start_site()
    get(site, PATHS[BY_OFFSET], limit=3)
    [call] = site.calls
    assert (call.method, call.path, call.params) == ("GET", PATHS[BY_OFFSET], (("limit", "3"),))
    assert "authorization" in call.headers
    assert "Basic" not in repr(call)


def test_it_runs_as_a_process(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('[{"kind": "status", "status": 503, "path": "/group"}]')
    command = [
        sys.executable,
        "-m",
        "fake_confluence",
        "--json",
        "--groups",
        "3",
        "--faults",
        str(plan),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            started = json.loads(process.stdout.readline())
            statuses = [
                requests.get(
                    f"https://{started['config']['domain_name']}{PATHS[BY_OFFSET]}",
                    auth=(started["config"]["email"], started["config"]["api_token"]),
                    verify=started["ca_file"],
                    timeout=5,
                ).status_code
                for _ in range(2)
            ]
        finally:
            process.terminate()
    assert statuses == [503, 200]


def test_as_a_process_it_prints_nothing_of_what_it_is_asked() -> None:
    """Whoever lets the connector read it with their own token does not find it in the output."""
    command = [sys.executable, "-m", "fake_confluence", "--json", "--groups", "3"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        started = json.loads(process.stdout.readline())
        for path in (PATHS[BY_OFFSET], "/wiki/no-such-path", "/" + "x" * 70_000):
            status = requests.get(
                f"https://{started['config']['domain_name']}{path}",
                auth=("me@acme.com", "my-own-token"),
                verify=started["ca_file"],
                timeout=5,
            ).status_code
            assert status in (401, 404, 414)
        process.terminate()
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--audit", "-5", "'-5' is not a whole number, 0 or more"),
        ("--seed", "x", "'x' is not a whole number, 0 or more"),
        ("--spaces", "0", "it must be 1 or more"),
        ("--latency-ms", "inf", "'inf' is not a number, 0 or more"),
        ("--per-second", "-1", "'-1' is not a number, 0 or more"),
        ("--jitter", "1.5", "it must be 1 or less"),
        ("--port", "70000", "port must be 0-65535"),
        ("--faults", "no/such/file.json", "No such file"),
    ],
)
def test_as_a_process_it_refuses_what_it_cannot_do(option: str, value: str, words: str) -> None:
    command = [sys.executable, "-m", "fake_confluence", option, value]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(rf"error: .*{option}: .*{words}", done.stderr)


def test_there_is_a_route_for_every_stream(start_site: StartSite) -> None:
    site = start_site()
    assert {get(site, PATHS[name]).status_code for name in NAMES} == {200}


def badge(_: Sizes, index: int, random: Random) -> Row:
    return {"id": str(index + 1), "name": f"badge-{index}", "prefix": random.choice(["my", "team"])}


def member(_: Sizes, index: int, random: Random, group_id: str) -> Row:
    return {"accountId": f"{group_id}:{index}:{random.randrange(10**6)}"}


class WithFurtherLists(Content):
    routes = (
        *ROUTES,
        Route(
            path="/wiki/api/v2/badges",
            name="badges",
            count=lambda sizes: 2 * sizes.spaces,
            make=badge,
            paging=ByCursor(),
            scopes=frozenset({"read:label:confluence"}),
        ),
        Route(
            path="/wiki/rest/api/group/{groupId}/membersByGroupId",
            name="group_members",
            count=lambda _, group_id: len(group_id),
            make=member,
            paging=ByOffset(max_rows=200),
            scopes=frozenset({"read:confluence-groups"}),
        ),
    )


def test_a_further_list_is_one_row_of_the_table(start_site: StartSite) -> None:
    site = start_site(WithFurtherLists(spaces=6))
    first = get(site, "/wiki/api/v2/badges", limit=5).json()
    second = follow(site, first["_links"]["next"].replace("+", "%2B"))
    third = follow(site, second["_links"]["next"].replace("+", "%2B"))
    rows = [row for answer in (first, second, third) for row in answer["results"]]
    assert rows == site.service.content.rows("badges")
    assert (len(rows), "next" in third["_links"]) == (12, False)
    assert get(site, "/wiki/api/v2/badges", limit=251).status_code == 400
    refusal = get(site, "/wiki/api/v2/badges", id=1)
    assert "the parameter 'id' of badges" in refusal.json()["errors"][0]["title"]


def test_a_list_under_another_row_is_one_row_of_the_table_too(start_site: StartSite) -> None:
    site = start_site(WithFurtherLists())
    for group_id in ("a4f", "b71c"):
        path = f"/wiki/rest/api/group/{group_id}/membersByGroupId"
        first = get(site, path, limit=2).json()
        second = get(site, path, limit=2, start=2).json()
        rows = [*first["results"], *second["results"]]
        assert rows == site.service.content.rows("group_members", group_id)
        assert all(row["accountId"].startswith(f"{group_id}:") for row in rows)
        assert first["_links"]["next"].startswith(f"{path.removeprefix('/wiki')}?")
        assert (len(rows), "next" in second["_links"]) == (len(group_id), False)
    assert get(site, "/wiki/rest/api/group//membersByGroupId").status_code == 404
    assert get(site, "/wiki/rest/api/group/a/b/membersByGroupId").status_code == 404
    assert get(start_site(), "/wiki/rest/api/group/a4f/membersByGroupId").status_code == 404

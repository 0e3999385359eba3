"""The fake cloud is reached by its names through a proxy, and nothing else is."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import requests

from fake_confluence import Call
from fake_confluence.cloud import API_HOST, AUTH_HOST
from fake_confluence.credentials import OAUTH
from fake_confluence.reply import Reply
from fake_confluence.routes import CURRENT_USER
from unit_tests.cloud_requests import ACME, TENANT_INFO, TOKEN, ask, cloud_id, signed
from unit_tests.conftest import StartCloud


def test_another_host_is_refused_and_remembered(start_cloud: StartCloud) -> None:
    running = start_cloud()
    with pytest.raises(requests.exceptions.ProxyError, match="502"):
        ask("elsewhere.invalid", "/wiki")
    with pytest.raises(requests.exceptions.ProxyError, match="502"):
        ask(f"{ACME}:8443", "/wiki")
    for method in ("GET", "POST"):
        plain = requests.request(method, f"http://{ACME}/wiki", timeout=5)
        assert plain.status_code == 502
    assert running.refused_hosts == [
        "elsewhere.invalid",
        f"{ACME}:8443",
        f"http://{ACME}/wiki",
        f"http://{ACME}/wiki",
    ]
    assert not any(running.calls.values())


def test_a_host_that_is_only_in_a_header_is_misdirected(start_cloud: StartCloud) -> None:
    running = start_cloud()
    response = ask(ACME, CURRENT_USER, headers={"Host": "elsewhere.invalid"})
    assert response.status_code == 421
    assert [call.path for call in running.calls["elsewhere.invalid"]] == [CURRENT_USER]


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_no_host_is_reached_without_the_proxy(
    name: str, start_cloud: StartCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "*")
    running = start_cloud()
    assert ask(ACME, TENANT_INFO).json() == {"cloudId": running.cloud.sites[0].cloud_id}


def test_a_connection_stays_open_for_requests_of_both_kinds(start_cloud: StartCloud) -> None:
    start_cloud()
    document = {"grant_type": "client_credentials"}
    with requests.Session() as session:
        for _ in range(3):
            url = f"https://{AUTH_HOST}{TOKEN}"
            assert session.post(url, json=document, timeout=5).status_code == 401
            assert session.get(url, timeout=5).status_code == 404
        [manager] = session.adapters["https://"].proxy_manager.values()  # type: ignore[attr-defined]
        [pool] = [manager.pools[key] for key in manager.pools.keys()]  # noqa: SIM118 (no mapping)
        assert (pool.num_connections, pool.num_requests) == (1, 6)


def test_25_connections_are_served_at_a_time(start_cloud: StartCloud) -> None:
    running = start_cloud()
    authorization = signed(running.config(OAUTH))
    path = f"/ex/confluence/{cloud_id()}{CURRENT_USER}"
    service = running.cloud.sites[0].service
    together, reply = Barrier(25), service.reply

    def wait_for_all(call: Call) -> Reply:
        together.wait(5)
        return reply(call)

    service.reply = wait_for_all  # type: ignore[method-assign]
    with ThreadPoolExecutor(25) as pool:
        answers = pool.map(lambda _: ask(API_HOST, path, authorization), range(25))
        assert [answer.status_code for answer in answers] == [200] * 25

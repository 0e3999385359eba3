"""Give the tests a fake site, and time that does not pass."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from fake_confluence import Call, Clock, Content, RunningSite, Service, serve
from fake_confluence.cloud import Cloud, CloudSite
from fake_confluence.cloud_server import RunningCloud, serve_cloud
from fake_confluence.reply import Reply
from unit_tests.cloud_requests import two_sites

# The same examples each time; `.ci/run` wants more of them, and "long" many more, and new ones.
_COMMON: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}
settings.register_profile("short", max_examples=50, derandomize=True, **_COMMON)
settings.register_profile("ci", max_examples=150, derandomize=True, **_COMMON)
settings.register_profile("long", max_examples=20_000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))

StartSite = Callable[..., RunningSite]
StartCloud = Callable[..., RunningCloud]


@pytest.fixture
def num_workers(request: pytest.FixtureRequest) -> int:
    """How many requests the connector may have in flight: one, unless a suite wants more, too."""
    return int(getattr(request, "param", 1))


@pytest.fixture
def start_site(monkeypatch: pytest.MonkeyPatch, num_workers: int) -> Iterator[StartSite]:
    """Start a site that lasts as long as the test, and trust its certificate."""
    with ExitStack() as stack:

        def start(content: Content | None = None, **options: Any) -> RunningSite:  # noqa: ANN401
            service = Service(content or Content(), **options)
            site = stack.enter_context(serve(service, settings={"num_workers": num_workers}))
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(site.ca_file))
            return site

        yield start


@pytest.fixture
def start_cloud(monkeypatch: pytest.MonkeyPatch, num_workers: int) -> Iterator[StartCloud]:
    """Start a cloud, of two sites by default, that is all there is while the test lasts."""
    with ExitStack() as stack:

        def start(
            *sites: CloudSite,
            clock: Clock | None = None,
            **options: Any,  # noqa: ANN401
        ) -> RunningCloud:
            clock = clock or Clock()
            cloud = Cloud(*(sites or two_sites(clock)), clock=clock, **options)
            running = stack.enter_context(serve_cloud(cloud, settings={"num_workers": num_workers}))
            for name, value in running.environment.items():
                monkeypatch.setenv(name, value)
            return running

        yield start


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited; the clock of the connector goes on by them."""
    seconds: list[float] = []
    clock = SimpleNamespace(sleep=seconds.append, monotonic=lambda: 1e6 + sum(seconds))
    monkeypatch.setattr("source_confluence.identity.time", clock)
    monkeypatch.setattr("source_confluence.limits.waiting.time", clock)
    return seconds


@pytest.fixture(scope="session")
def api_notes() -> Path:
    """The folder with recorded answers of real sites and Atlassian's OpenAPI documents.

    It is not part of the project (it has no licence to copy): `CONFLUENCE_API_NOTES` names it, or
    it lies beside the checkout. Without it, the tests that need it are skipped.
    """
    beside = Path(__file__).parents[2] / "shared" / "confluence-api"
    folder = Path(os.environ.get("CONFLUENCE_API_NOTES", beside))
    if not (folder / "samples").is_dir():
        pytest.skip("needs recorded answers of real sites, which are not part of the project")
    return folder


def change_answers(site: RunningSite, change: Callable[[Call, Reply], Reply]) -> None:
    """Let each answer of the site be another one."""
    reply = site.service.reply
    site.service.reply = lambda call: change(call, reply(call))  # type: ignore[method-assign]

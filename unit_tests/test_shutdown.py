"""A signal ends what waits at once, and never what prints."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from fake_confluence import Fault, RunningSite
from fake_confluence.catalog import configured_catalog
from fake_confluence.credentials import OAUTH, Grant
from source_confluence import SourceConfluence
from source_confluence.exceptions import StoppedError
from source_confluence.limits.rate_limit import RateLimit
from source_confluence.limits.throttle import Throttle
from source_confluence.shutdown import Stop
from unit_tests.conftest import StartCloud, StartSite
from unit_tests.streams_under_test import BY_CURSOR, NAMES, SHOWN_TO_VISITORS, content


class Watch(logging.Handler):
    """Sees whether a line is logged while a signal could interrupt it."""

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self.stop = stop
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if self.stop.is_interruptible:
            self.lines.append(record.getMessage())


def arguments(site: RunningSite, folder: Path, *more: str) -> list[str]:
    return arguments_for(site.config, folder, *more)


def arguments_for(config: Mapping[str, object], folder: Path, *more: str) -> list[str]:
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "catalog.json").write_text(json.dumps(configured_catalog(*NAMES)))
    files = ["--config", str(folder / "config.json"), "--catalog", str(folder / "catalog.json")]
    return ["read", *more, *files]


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
@pytest.mark.parametrize("more", [[], ["--debug"]], ids=["", "debug"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="headers"),
        Fault(kind="status", status=401, path="/user/current", count=None),
        Fault(kind="status", status=429, headers={"Retry-After": "70"}, every=2, count=None),
        Fault(kind="status", status=503, count=None, first=2),
        Fault(kind="status", status=500, count=None, first=2),
        Fault(kind="poison", row=3, count=None),
        Fault(kind="drop", count=None, first=2),
        Fault(kind="half_json", every=2, count=None),
        Fault(kind="no_cursor", count=None),
        Fault(kind="headers", headers={"X-RateLimit-NearLimit": "true"}, every=2, count=None),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_nothing_is_printed_while_a_signal_could_tear_it(
    fault: Fault, more: list[str], start_site: StartSite, tmp_path: Path
) -> None:
    site = start_site(content(BY_CURSOR, 12), page_cap=5, faults=[fault])
    source = SourceConfluence()
    watch = Watch(source.stop)
    logging.getLogger().addHandler(watch)
    entrypoint = AirbyteEntrypoint(source)
    seen = 0
    try:
        for _ in entrypoint.run(entrypoint.parse_args(arguments(site, tmp_path, *more))):
            seen += 1
            assert not source.stop.is_interruptible
    except Exception:  # noqa: BLE001 (streams that fail end the read; that is tested elsewhere)
        assert not source.stop.is_interruptible
    finally:
        logging.getLogger().removeHandler(watch)
        logging.getLogger("airbyte").setLevel(logging.INFO)
    assert seen > 10
    assert watch.lines == []


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("num_workers", [1, 8], indirect=True)
@pytest.mark.parametrize("uses", [1, 2, 3, 5])
def test_no_settings_are_handed_on_while_a_signal_could_tear_them(
    uses: int, start_cloud: StartCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever an access token expires; each is good for a few requests."""
    source = SourceConfluence()
    seen: list[bool] = []
    tells = "source_confluence.transport.oauth.emit_configuration_as_airbyte_control_message"
    reads = threading.current_thread()

    def tell(_: object) -> None:
        assert threading.current_thread() is reads
        seen.append(source.stop.is_interruptible)

    monkeypatch.setattr(tells, tell)
    watch = Watch(source.stop)
    logging.getLogger().addHandler(watch)
    cloud = start_cloud(grants={OAUTH: Grant(uses=uses)})
    entrypoint = AirbyteEntrypoint(source)
    words = arguments_for(cloud.config(OAUTH), tmp_path)
    try:
        with suppress(AirbyteTracedException):
            list(entrypoint.run(entrypoint.parse_args(words)))
    finally:
        logging.getLogger().removeHandler(watch)
    assert len(seen) >= 2
    assert not any(seen)
    assert watch.lines == []


def test_the_question_who_we_are_can_be_interrupted(
    start_site: StartSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SourceConfluence()
    seen: list[bool] = []
    asks = "source_confluence.identity._within_deadline"
    monkeypatch.setattr(asks, lambda *_, **__: seen.append(source.stop.is_interruptible))
    entrypoint = AirbyteEntrypoint(source)
    parsed = entrypoint.parse_args(arguments(start_site(content(BY_CURSOR, 3)), tmp_path))
    assert len(list(entrypoint.run(parsed))) > 10
    assert seen == [True] * len(SHOWN_TO_VISITORS), "lists that visitors may see, of one page"


def while_printing(_: Stop) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def while_waiting(stop: Stop) -> None:
    with stop.interruptible():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)


@pytest.mark.parametrize(
    ("act", "is_raised"),
    [(while_printing, False), (while_waiting, True)],
    ids=["while printing", "while waiting"],
)
def test_a_signal_is_noted_and_raised_only_where_it_may(
    act: Callable[[Stop], None], is_raised: bool
) -> None:
    stop = Stop()
    before = signal.getsignal(signal.SIGTERM)
    with stop.on_signals():
        stop.raise_if_asked()
        if is_raised:
            with pytest.raises(StoppedError):
                act(stop)
        else:
            act(stop)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "a second one ends it hard"
        assert not stop.is_interruptible
        with pytest.raises(StoppedError, match="SIGTERM"):
            stop.raise_if_asked()
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_was_read_is_printed_before_the_next_request(monkeypatch: pytest.MonkeyPatch) -> None:
    class Output(io.StringIO):
        flush_count = 0

        def flush(self) -> None:
            self.flush_count += 1

    output = Output()
    logger = logging.getLogger("test")
    throttle = Throttle(
        RateLimit(),
        stream=BY_CURSOR,
        before="acme",
        logger=logger,
        stop=Stop(),
        sleep=lambda part, _: time.sleep(part),
    )
    monkeypatch.setattr(sys, "stdout", output)
    throttle.take_turn()
    assert output.flush_count == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_signal_takes_nothing_from_a_line_on_its_way_into_a_full_pipe(unbuffered: str) -> None:
    program = """if True:
        import signal, sys
        from source_confluence.output import StandardOutput
        signal.signal(signal.SIGTERM, lambda *_: None)
        StandardOutput.install()
        print("ready", file=sys.stderr, flush=True)
        sys.__stdout__.write("x" * 300_000)
        sys.__stdout__.flush()
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, **pipes) as process:
        assert process.stdout
        assert process.stderr
        assert process.stderr.readline() == b"ready\n"
        time.sleep(0.5)  # by now the pipe is full
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert len(process.stdout.read()) == 300_000

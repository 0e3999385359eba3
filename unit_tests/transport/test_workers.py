"""Threads are counted, whoever they work for."""

import threading
from collections.abc import Iterator

import pytest
import requests

from source_confluence.transport.exchange import Answer
from source_confluence.transport.workers import Workers


@pytest.fixture
def workers() -> Iterator[Workers]:
    two = Workers(2, requests.Session)
    yield two
    two.close()


def test_none_is_free_until_its_answer_is_handed_out(workers: Workers) -> None:
    may_answer = threading.Event()
    answers: list[Answer] = []

    def send(_: requests.Session) -> Answer:
        may_answer.wait(10)
        return Answer(cause="ConnectTimeout")

    for _ in range(2):
        assert workers.is_free
        workers.submit(send, answers.append)
    assert not workers.is_free
    workers.wait(0.01)
    workers.settle()
    assert not workers.is_free
    may_answer.set()
    while len(answers) < 2:
        workers.wait(10)
        workers.settle()
    assert workers.is_free


def test_a_thread_that_the_machine_does_not_give_leaves_nothing_behind(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    made: list[str] = []

    def send(_: requests.Session) -> Answer:
        made.append("a request")
        return Answer()

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        with pytest.raises(RuntimeError):
            workers.submit(send, lambda _: None)
    workers.submit(send, lambda _: None)
    workers.wait(10)
    workers.settle()
    workers.wait(0.05)
    assert made == ["a request"]
    assert workers.is_free

"""Two versions that print the same are found to, and two that do not are not."""

import subprocess
import sys
from pathlib import Path
from shutil import copytree

from comparison.normal import normal, texts
from comparison.scenario import Printed, Scenario

ROOT = Path(__file__).parents[1]
LOG = '{"type":"LOG","log":{"level":"INFO","message":"%s"}}'
READ_AT = '{"type":"RECORD","record":{"stream":"pages","data":{"id":"1","readAt":"%s"}}}'
RECORD = '{"type":"RECORD","record":{"stream":"pages","data":{"id":"%s"},"emitted_at":%s}}'


def compare(version: str | Path, only: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "comparison", str(version), "--only", only, "--jobs", "2"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def lines(*stdout: str, num_workers: int = 1) -> list[str]:
    printed = Printed(host="localhost:1", stdout=stdout, stderr=[], exit_code=0, calls=["GET /a"])
    return normal(printed, Scenario(name="", num_workers=num_workers))


def test_a_version_says_the_same_as_itself() -> None:
    done = compare(ROOT, "read: 12 rows by fives")
    assert done.stderr == ""
    assert done.stdout.count("same  ") == 2
    assert "0 of 2 scenarios are different." in done.stdout
    assert done.returncode == 0


def test_another_word_is_shown_twice(tmp_path: Path) -> None:
    """Where it is said, and in the list at the end."""
    copytree(ROOT / "source_confluence", tmp_path / "source_confluence")
    config = tmp_path / "source_confluence" / "settings" / "credentials.py"
    config.write_text(config.read_text().replace("copied in one piece", "copied whole"))
    done = compare(tmp_path, "the api_token ''")
    assert "DIFFERENT  check: the api_token ''" in done.stdout
    assert done.stdout.count("copied whole") == done.stdout.count("copied in one piece") == 2
    assert done.returncode == 1


def test_what_is_no_version_is_said_so() -> None:
    done = compare("no-such-commit", "spec")
    assert "no-such-commit is no folder with source_confluence, and no commit: " in done.stderr
    assert done.returncode == 2


def test_times_and_ports_do_not_count() -> None:
    assert lines(RECORD % (1, 1795565262368)) == lines(RECORD % (1, 1795565266816))
    assert lines(READ_AT % "2026-11-25T01:11:03Z") == lines(READ_AT % "2026-11-25T01:12:04Z")
    assert lines(LOG % "until 2026-11-25 01:11:03 UTC") == lines(
        LOG % "until 2026-11-25 01:12:04 UTC"
    )
    assert lines(LOG % "localhost:1/wiki") != lines(LOG % "localhost:2/wiki")


def test_records_and_their_order_count() -> None:
    first, second = RECORD % (1, 0), RECORD % (2, 0)
    for num_workers in (1, 8):
        assert lines(first, num_workers=num_workers) != lines(second, num_workers=num_workers)
        assert lines(first, second, num_workers=num_workers) != lines(
            second, first, num_workers=num_workers
        )


def test_the_order_of_the_log_and_requests_count_with_one_worker() -> None:
    one, other = (LOG % "a", RECORD % (1, 0)), (RECORD % (1, 0), LOG % "a")
    assert lines(*one) != lines(*other)
    assert lines(*one, num_workers=8) == lines(*other, num_workers=8)
    assert "request: GET /a" in lines()
    assert "request: GET /a" not in lines(num_workers=8)


def test_of_a_traceback_in_the_log_the_error_counts() -> None:
    traceback = r"failed\nTraceback (most recent call last):\n  File \"%s\", line 1\n    a\n%s: no"
    one = lines(LOG % traceback % ("/a.py", "source_confluence.a.AError"))
    assert one == lines(LOG % traceback % ("/b.py", "source_confluence.b.c.AError"))
    assert one != lines(LOG % traceback % ("/a.py", "source_confluence.a.BError"))


def test_texts_are_what_people_read() -> None:
    said = list(texts(lines(LOG % "a text", RECORD % (1, 0), "no JSON")))
    assert said == ["a text", "no JSON"]

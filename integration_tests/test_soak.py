"""The soak itself works, on a site that is small enough for a test."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_small_soak_is_sound() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "soak", "--pages", "15000", "--minutes", "2"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0, done.stdout
    assert "15,000 of 15,000 pages, each once and in order: True" in done.stdout
    assert re.search(r"[1-9]\d* marked; token printed: 0 times", done.stdout)
    assert re.search(r"[1-9]\d* failures told", done.stdout)


def test_a_soak_that_runs_out_of_time_says_so() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "soak", "--pages", "1000000", "--minutes", "0.05"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "The command ended with 1, the stream ['INCOMPLETE']" in done.stdout
    assert done.returncode == 0, "what it says is true"
    assert "of 1,000,000 pages, each once and in order: True" in done.stdout

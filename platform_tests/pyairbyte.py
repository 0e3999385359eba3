"""Run programs in PyAirbyte's environment."""

import os
import subprocess
from pathlib import Path

import certifi

ROOT = Path(__file__).parents[1]


def run_pyairbyte(
    *arguments: str | Path, folder: Path, trust: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `scripts/pyairbyte` in a folder.

    Args:
        arguments: The program and what it gets.
        folder: Where the program stands, and leaves its files.
        trust: A certificate to be trusted besides the usual ones, which are needed as well:
            PyAirbyte installs packages.
    """
    environment = dict(os.environ)
    if trust:
        usual = Path(os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where())
        bundle = folder / "certificates.pem"
        bundle.write_text(usual.read_text() + trust.read_text())
        environment["REQUESTS_CA_BUNDLE"] = str(bundle)
    return subprocess.run(
        [ROOT / "scripts" / "pyairbyte", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def printed_by(done: subprocess.CompletedProcess[str]) -> str:
    """What a program printed that must have succeeded."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

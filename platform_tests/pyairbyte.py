"""Run programs in PyAirbyte's environment."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import certifi

from fake_confluence import RunningSite

ROOT = Path(__file__).parents[1]


def run_pyairbyte(
    *arguments: str | Path,
    folder: Path,
    trust: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run `scripts/pyairbyte` in a folder, as `started_pyairbyte` does, to its end."""
    started = started_pyairbyte(
        *arguments, folder=folder, trust=trust, environment=environment, stdin=bool(stdin)
    )
    with started as process:
        try:
            stdout, stderr = process.communicate(stdin or None, timeout=600)
        finally:
            process.kill()
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def started_pyairbyte(
    *arguments: str | Path,
    folder: Path,
    trust: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: bool = False,
) -> subprocess.Popen[str]:
    """Start `scripts/pyairbyte` in a folder; its process becomes that of the program.

    Args:
        arguments: The program and what it gets.
        folder: Where the program stands, and leaves its files.
        trust: A certificate to be trusted besides the usual ones, which are needed as well:
            PyAirbyte installs packages.
        environment: Further variables, as those with which the fake cloud is found.
        stdin: Whether its standard input stays open, until `communicate`.
    """
    variables = {**os.environ, **(environment or {})}
    if trust:
        usual = Path(os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where())
        bundle = folder / "certificates.pem"
        bundle.write_text(usual.read_text() + trust.read_text())
        variables["REQUESTS_CA_BUNDLE"] = str(bundle)
    return subprocess.Popen(
        [ROOT / "scripts" / "pyairbyte", *arguments],
        cwd=folder,
        env=variables,
        stdin=subprocess.PIPE if stdin else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def with_config(site: RunningSite, folder: Path, **others: str) -> tuple[str, Path]:
    """Write a file with the settings of a site: what follows the name of an example."""
    config = folder / "config.json"
    config.write_text(json.dumps({**site.config, **others}))
    return "--config", config


def printed_by(done: subprocess.CompletedProcess[str]) -> str:
    """What a program printed that must have succeeded."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

"""Let containers reach the fake site: it is on this machine, with a certificate nobody knows."""

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

CA_VARIABLE = "REQUESTS_CA_BUNDLE"


class Reachable(Protocol):
    """A site, or a cloud behind its proxy, that runs on this machine."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What lets a client find and trust it."""


def reaching(site: Reachable) -> list[str]:
    """Options of `docker run`: the machine's own network, what leads there, the certificate."""
    certificate = "/run/fake-confluence-ca.pem"
    options = ["--network", "host", "--volume", f"{site.environment[CA_VARIABLE]}:{certificate}:ro"]
    variables = {**site.environment, CA_VARIABLE: certificate}
    return [*options, *(f"--env={name}={value}" for name, value in variables.items())]


def docker_reaching(site: Reachable, folder: Path) -> Path:
    """A command `docker` that adds these options, for those who just say `docker run`.

    Returns:
        The folder with the command, to be put first on the PATH.
    """
    docker = folder / "docker"
    options = shlex.join(reaching(site))
    docker.write_text(
        f'#!/bin/sh\n[ "$1" != run ] || {{ shift; set -- run {options} "$@"; }}\n'
        f'exec {shlex.quote(shutil.which("docker") or "docker")} "$@"\n'
    )
    docker.chmod(0o755)
    return folder

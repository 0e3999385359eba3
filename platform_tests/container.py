"""Let containers reach the fake site: it is on this machine, with a certificate nobody knows."""

import shlex
import shutil
from pathlib import Path

from fake_confluence import RunningSite


def reaching(site: RunningSite) -> list[str]:
    """Options of `docker run`: the machine's own network, and the site's certificate."""
    certificate = "/run/fake-confluence-ca.pem"
    options = ["--network", "host", "--volume", f"{site.ca_file}:{certificate}:ro"]
    return [*options, "--env", f"REQUESTS_CA_BUNDLE={certificate}"]


def docker_reaching(site: RunningSite, folder: Path) -> Path:
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

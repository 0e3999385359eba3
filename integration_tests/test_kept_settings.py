"""OAuth on a command line, as the documentation says: the settings in the file stay good."""

import json
import os
import re
import subprocess
from pathlib import Path

from fake_confluence import Service
from fake_confluence.catalog import configured_catalog
from fake_confluence.cloud import AUTH_HOST, Cloud, CloudSite
from fake_confluence.cloud_server import serve_cloud
from fake_confluence.credentials import OAUTH, Grant
from fake_confluence.grants import GRACE_SECONDS
from integration_tests.connector import COMMAND, Connector, counts, endings
from integration_tests.faulty_read import HOST, SignedIn
from unit_tests.streams_under_test import NAMES, contents, row_counts

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "kept_settings.py"
CONTENT = contents({}, others=12)
SOON = 8
"""Requests that an access token is good for: it expires in the midst of the read."""


def shown_command() -> str:
    """`set -o pipefail`, then `source-confluence read … | python3 … >messages.jsonl`."""
    shown = r"set -o pipefail\s+source-confluence read [^>]*>messages.jsonl"
    [command] = re.findall(shown, EXAMPLE.read_text())
    return in_lines(command)


def in_lines(text: str) -> str:
    """Commands as the shell takes them, without the line breaks and blanks of the layout."""
    joined = text.replace("\\\n", " ")
    return "\n".join(" ".join(line.split()) for line in joined.splitlines())


def test_the_settings_that_the_command_keeps_are_good_when_the_grace_is_over(
    tmp_path: Path,
) -> None:
    """And those before them are not: a connector that gets in with these has used the others up."""
    cloud = Cloud(CloudSite(host=HOST, service=Service(CONTENT)), grants={OAUTH: Grant(uses=SOON)})
    (tmp_path / "examples").symlink_to(EXAMPLE.parent)
    (tmp_path / "secrets").mkdir()
    with serve_cloud(cloud) as running:
        site = SignedIn(running=running, kind=OAUTH, config=running.config(OAUTH, access="none"))
        connector = Connector(tmp_path, site)
        connector.written(tmp_path / "catalog.json", configured_catalog(*NAMES))
        file = connector.written(tmp_path / "secrets" / "config.json", site.config)
        path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", shown_command()],
            cwd=tmp_path,
            env={**connector.environment, "PATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        assert len(running.calls[AUTH_HOST]) > 1, "it expired in the midst"
        cloud.expire(OAUTH)
        cloud.clock.advance(GRACE_SECONDS + 1)
        assert connector.check(site.config)["status"] == "FAILED"
        assert connector.check(json.loads(file.read_text())) == {"status": "SUCCEEDED"}
    assert (done.stdout, done.stderr) == ("", "")
    done.stdout = (tmp_path / "messages.jsonl").read_text()
    assert endings(done) == dict.fromkeys(NAMES, "COMPLETE")
    assert counts(done) == row_counts(CONTENT)
    assert json.loads(file.read_text())["credentials"]["refresh_token"] not in done.stdout


def test_the_documentation_shows_that_command() -> None:
    text = (ROOT / "docs" / "credentials.md").read_text()
    assert shown_command() in in_lines(text)

"""Show the connector at work: run its commands on a fake site and print a readable summary.

`scripts/demo` runs this; it needs neither an account nor a network.
"""

import json
import os
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from fake_confluence.commands import COMMAND, written
from fake_confluence.content import Content
from fake_confluence.server import RunningSite, serve
from fake_confluence.service import Service

CONTENT = Content(pages=1_240, blog_posts=85, spaces=12, audit=1_300, groups=30, body_bytes=400)

_REAL_SITE = """\
To try the commands on such a site yourself: .venv/bin/python -m fake_confluence

To read your own site:
  1. Create an API token at https://id.atlassian.com/manage-profile/security/api-tokens
     (docs/credentials.md says what else will do)
  2. Write this to secrets/config.json (git ignores that folder):
     {"email": "ada@acme.com", "api_token": "ATATT3x…", "domain_name": "acme.atlassian.net"}
  3. .venv/bin/source-confluence check --config secrets/config.json
     .venv/bin/source-confluence discover --config secrets/config.json
     .venv/bin/source-confluence read --config secrets/config.json \\
         --catalog integration_tests/configured_catalog.json
"""

Message = dict[str, Any]


class Demo:
    """Runs the installed command and prints a summary of its messages.

    Args:
        site: The site to read.
        folder: For the files the command needs.
    """

    def __init__(self, site: RunningSite, folder: Path) -> None:
        self.site = site
        self.config = written(folder / "config.json", site.config)
        self.catalog = folder / "catalog.json"

    def run(self, *arguments: str) -> list[Message]:
        """What one command prints, as messages of the Airbyte protocol."""
        print(f"\n$ source-confluence {' '.join(arguments)}", flush=True)
        command = [str(COMMAND), *(self._path_of(argument) for argument in arguments)]
        environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(self.site.ca_file)}
        with subprocess.Popen(  # noqa: S603 (our own command)
            command, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None  # noqa: S101 (it is a pipe)
            messages = [_shown(json.loads(line)) for line in process.stdout]
        if process.returncode:
            raise SystemExit(f"The command failed with exit code {process.returncode}.")
        return messages

    def _path_of(self, argument: str) -> str:
        files = {"config.json": self.config, "catalog.json": self.catalog}
        return str(files.get(argument, argument))


def main() -> None:
    """Start a site, check, discover, read, and show one page."""
    print("==> Starting a Confluence site with made-up content on this machine")
    with serve(Service(CONTENT)) as site, tempfile.TemporaryDirectory() as folder:
        print(f"    https://{site.host}")
        demo = Demo(site, Path(folder))

        demo.run("check", "--config", "config.json")

        catalog = _only(demo.run("discover", "--config", "config.json"), "CATALOG")["catalog"]
        _show_catalog(catalog)
        streams = [
            {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
            for stream in catalog["streams"]
        ]
        written(demo.catalog, {"streams": streams})

        site.calls.clear()  # those of the check
        started = time.monotonic()
        messages = demo.run("read", "--config", "config.json", "--catalog", "catalog.json")
        seconds = time.monotonic() - started
        records = [message["record"] for message in messages if message["type"] == "RECORD"]
        _show_records(records, catalog, site, seconds)
    print(f"\n{_REAL_SITE}")


def _shown(message: Message) -> Message:
    """Print the result of the check, and each stream's status, as soon as it comes."""
    if message["type"] == "CONNECTION_STATUS":
        status = message["connectionStatus"]
        print(f"  {status['status']} {status.get('message', '')}".rstrip())
    status = message.get("trace", {}).get("stream_status")
    if status:
        print(f"  {status['stream_descriptor']['name']:<12}{status['status']}", flush=True)
    return message


def _show_catalog(catalog: Message) -> None:
    print(f"  {'stream':<12}{'key':<12}{'sync modes':<16}fields")
    for stream in catalog["streams"]:
        key = ".".join(stream["source_defined_primary_key"][0])
        modes = ", ".join(stream["supported_sync_modes"])
        fields = len(stream["json_schema"]["properties"])
        print(f"  {stream['name']:<12}{key:<12}{modes:<16}{fields}")


def _show_records(
    records: list[Message], catalog: Message, site: RunningSite, seconds: float
) -> None:
    counts = Counter(record["stream"] for record in records)
    expected = Counter({s["name"]: CONTENT.count(s["name"]) for s in catalog["streams"]})
    print(f"\n  {'stream':<12}{'records':>8}{'on the site':>13}")
    for name, count in expected.items():
        print(f"  {name:<12}{counts[name]:>8,}{count:>13,}")
    print(f"  {counts.total():,} records in {seconds:.1f} s, with {len(site.calls)} requests")
    if counts != expected:
        raise SystemExit("Records are missing, or were not expected.")
    pages = (record["data"] for record in records if record["stream"] == "pages")
    page = next(page for page in pages if "parentId" in page)
    print("\nOne page, with its body:")
    print(json.dumps(page, indent=2, ensure_ascii=False))


def _only(messages: list[Message], kind: str) -> Message:
    [message] = [message for message in messages if message["type"] == kind]
    return message


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("Interrupted.") from None

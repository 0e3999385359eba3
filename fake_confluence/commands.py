"""Write the files with which the connector reads a site, and say which commands use them."""

import json
import shlex
import sys
from pathlib import Path

from fake_confluence.catalog import configured_catalog
from fake_confluence.server import RunningSite

COMMAND = Path(sys.executable).parent / "source-confluence"

_TEXT = """\
A Confluence site with made-up content is running at https://{host}.
To read it, copy these commands into another terminal.

Test the connection:

{check}

Write every record of the site to the file messages.jsonl:

{read}

Ctrl-C stops the site and removes the files of these commands: they are in
{folder}, and only for this site.
"""


def commands_for(site: RunningSite) -> str:
    """Write settings and a catalog beside the certificate, and name the commands, ready to copy."""
    folder = site.ca_file.parent
    config = written(folder / "config.json", site.config)
    names = [route.name for route in site.service.content.routes if "{" not in route.path]
    catalog = written(folder / "catalog.json", configured_catalog(*names))
    trusted = f"REQUESTS_CA_BUNDLE={shlex.quote(str(site.ca_file))}"
    check = [COMMAND, "check", "--config", config]
    read = [COMMAND, "read", "--config", config, "--catalog", catalog]
    return _TEXT.format(
        host=site.host,
        check=f"{trusted} {shlex.join(map(str, check))}",
        read=f"{trusted} {shlex.join(map(str, read))} >messages.jsonl",
        folder=folder,
    )


def written(path: Path, document: object) -> Path:
    """The file, with the document in it as JSON; only its owner can read it."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=2))
    return path

"""Split a big site by its spaces into several connections, which cover it once and completely.

    scripts/pyairbyte examples/split_by_spaces.py                               # a fake site
    scripts/pyairbyte examples/split_by_spaces.py --config secrets/config.json  # your own

With `--parts 8`, there are eight connections; without it, three.

It counts the pages and blog posts of each space without their bodies, and writes two files for each
connection into `demo/parts/` or `confluence/parts/`: `1/config.json` has the settings for the form,
and `1/catalog.json` the streams that this connection reads.

Most connections name their spaces (`spaces`). The last one reads everything else: it names the
spaces of the others (`excluded_spaces`), so that a space which is created later is read, too. It is
the smallest, which leaves room for those, or has the smallest spaces, where there are hundreds. It
alone reads the streams that belong to no space, `audit` and `group`. `space` is read by each
connection: it shows the spaces of this connection.

Give each connection tables of its own (in Airbyte a prefix or a schema): one that replaces its rows
would delete those of the others. A view with `UNION ALL` puts them together.

Confluence itself picks the pages of up to 100 spaces. With more in a connection, the connector
lists the whole site without bodies, and fetches the bodies of its own pages only.

The connections share the credentials. Those of OAuth 2.0 (3LO) cannot be shared: each refresh token
works once.
"""

import json
from argparse import ArgumentParser, ArgumentTypeError
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from reading import IncompleteError, Settings, discovered, full_refresh, records
from running import CONNECTOR, chosen, options, replacing, run, site

RESULT = "parts"
OF_SPACES = ("pages", "blog_posts", "space")
STREAMS = (*OF_SPACES, "audit", "group")  # the last two belong to no space
ALONE = (
    "The site cannot be split with OAuth 2.0 (3LO). Likely cause: each refresh token works once; "
    "connections that have the same one shut each other out. What to do: Use an API token, or a "
    "token or client credentials of a service account; or read the site in one connection."
)
MAX_FILTERED = 100  # spaces in a request for pages; of more, the connector picks the pages itself
Sizes = Mapping[str, int]
"""How many pages and blog posts each space has, by its key: `{"ENG": 5210}`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one connection reads.

    Args:
        spaces: The keys of its spaces today, the largest first.
        size: How many pages and blog posts that comes to.
        is_last: Whether it reads what the others leave.
    """

    spaces: tuple[str, ...]
    size: int
    is_last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection: `config.json` and `catalog.json`.

    Args:
        part: What it reads.
        config: Its settings.
        catalog: Its streams.
    """

    part: Part
    config: Settings
    catalog: Settings


def main() -> None:
    """Write the files of each connection, and say what it reads."""
    given = chosen(with_parts(options(__doc__)))
    with replacing(given.folder, [RESULT]) as unfinished, site(given.config) as config:
        connections = split(config, given.parts, given.streams)
        for number, connection in enumerate(connections, 1):
            write(connection, unfinished / RESULT / str(number))
    print(f"The settings and catalogs are in {given.folder / RESULT}/.")


def with_parts(parser: ArgumentParser) -> ArgumentParser:
    """The options of a split besides those of all examples."""
    parser.add_argument(
        "--parts", type=positive, default=3, metavar="N", help="how many (default: %(default)s)"
    )
    parser.add_argument(
        "--streams",
        nargs="+",
        choices=STREAMS,
        default=OF_SPACES,
        metavar="STREAM",
        help="which to read (default: pages blog_posts space); audit only as an administrator",
    )
    return parser


def positive(text: str) -> int:
    """A whole number, 1 or more."""
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is not a whole number, 1 or more")
    return int(text)


def split(config: Settings, parts: int, streams: Sequence[str]) -> list[Connection]:
    """Ask the site for its spaces, and print how they are split.

    Raises:
        SystemExit: When it cannot be split: the words for the user.
    """
    if not can_be_shared(config):
        raise SystemExit(ALONE)
    print("Counting the pages and blog posts of each space …", flush=True)
    try:
        found = surveyed(config)
        offered = [s for s in discovered(CONNECTOR, config) if s["name"] in streams]
    except IncompleteError as error:
        raise SystemExit(str(error)) from None
    connections = [*connected(balanced(found, parts), config, offered)]
    for number, connection in enumerate(connections, 1):
        print(f"{number}: {described(connection.part)}")
    return connections


def can_be_shared(config: Settings) -> bool:
    """Whether several connections can have the same credentials."""
    credentials = config.get("credentials")
    return not isinstance(credentials, dict) or credentials.get("auth_type") != "oauth2.0"


def surveyed(config: Settings) -> Sizes:
    """Count the pages and blog posts of each space, without their bodies."""
    only_full = {"json_schema": {}, "supported_sync_modes": ["full_refresh"]}
    catalog = full_refresh({"name": name, **only_full} for name in OF_SPACES)
    keys: dict[str, str] = {}
    counts: Counter[str | None] = Counter()
    for stream, row in records(CONNECTOR, {**config, "body_format": "none"}, catalog):
        if stream == "space":
            keys[row["id"]] = row["key"]
        else:
            counts[row.get("spaceId")] += 1
    if unknown := sum(count for own_id, count in counts.items() if own_id not in keys):
        print(f"No part will read {unknown} pages: the site does not list their space (yet).")
    return {key: counts[own_id] for own_id, key in keys.items()}


def balanced(sizes: Sizes, parts: int, most: int = MAX_FILTERED) -> list[Part]:
    """Balance the spaces: no part is larger than its fair share and one space more.

    They are dealt out, the largest first, each to the part that is the smallest by then. The last
    part is the one that is the smallest in the end. A part without a space is left out, unless it
    is the last.

    Where there are more spaces than Confluence filters in all parts, the last part is another one:
    it gets the smallest spaces beforehand, as long as they fit into its fair share, so that
    Confluence can filter those of the others.

    Args:
        sizes: Of the spaces.
        parts: How many parts are wanted.
        most: How many spaces Confluence filters in a part.
    """
    smallest_first = sorted(sizes, key=lambda key: (sizes[key], key))
    early = early_count([sizes[key] for key in smallest_first], parts, most)
    dealt = [smallest_first[:early], *([] for _ in range(parts - 1))]
    loads = [part_of(keys, sizes).size for keys in dealt]
    for key in reversed(smallest_first[early:]):
        smallest = loads.index(min(loads))
        dealt[smallest].append(key)
        loads[smallest] += sizes[key]
    last = dealt.pop(0 if early else loads.index(min(loads)))
    named = [part_of(keys, sizes) for keys in dealt if keys]
    return [*named, replace(part_of(last, sizes), is_last=True)]


def early_count(ascending: Sequence[int], parts: int, most: int) -> int:
    """How many of the smallest spaces go to the last part beforehand."""
    sums = [*accumulate(ascending)]
    if len(sums) <= most * parts:
        return 0
    beyond_the_others = len(sums) - most * (parts - 1)
    return min(beyond_the_others, bisect_right(sums, sums[-1] / parts))


def part_of(keys: Sequence[str], sizes: Sizes) -> Part:
    """A part of these spaces."""
    return Part(
        spaces=tuple(sorted(keys, key=sizes.__getitem__, reverse=True)),
        size=sum(sizes[key] for key in keys),
    )


def connected(
    parts: Sequence[Part], config: Settings, streams: Sequence[dict[str, Any]]
) -> Iterator[Connection]:
    """The connection of each part.

    If you have named the spaces to read, the last part names its own, too: no other is wanted.
    """
    if config.get("spaces"):
        parts = [replace(part, is_last=False) for part in parts if part.spaces]
    for part in parts:
        others = [key for other in parts if other is not part for key in other.spaces]
        names = STREAMS if part is parts[-1] else OF_SPACES
        own_streams = [stream for stream in streams if stream["name"] in names]
        own_config = {**config, **selection(part, others, config)}
        if own_streams:
            yield Connection(part=part, config=own_config, catalog=full_refresh(own_streams))


def selection(part: Part, others: Sequence[str], config: Settings) -> dict[str, Any]:
    """The settings that select a part: `{"spaces": ["ENG", "OPS"]}`."""
    if not part.is_last:
        return {"spaces": [*part.spaces]}
    return {"excluded_spaces": [*config.get("excluded_spaces", ()), *others]}


def described(part: Part) -> str:
    """One line about a part: `5,210 pages and blog posts in 3 spaces: ENG, OPS, HR`."""
    keys = ", ".join(part.spaces[:5]) + (", …" if part.spaces[5:] else "")
    later = "; also what is created later" if part.is_last else ""
    count = f"{len(part.spaces)} space{'' if len(part.spaces) == 1 else 's'}"
    return f"{part.size:,} pages and blog posts in {count}: {keys}{later}"


def write(connection: Connection, folder: Path) -> None:
    """Write the files, for its owner alone: the settings hold the token."""
    folder.mkdir(parents=True)
    for name in ("config", "catalog"):
        file = folder / f"{name}.json"
        file.touch(0o600)
        file.write_text(json.dumps(getattr(connection, name), indent=2) + "\n")


if __name__ == "__main__":
    run(main)

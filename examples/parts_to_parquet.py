"""Read the parts of a big site side by side with Dask, into one Parquet data set.

    scripts/pyairbyte examples/parts_to_parquet.py                               # a fake site
    scripts/pyairbyte examples/parts_to_parquet.py --config secrets/config.json  # your own

The site is split as `split_by_spaces.py` does. Each part is read by a worker process, and what they
have read is put together in `demo/parquet/` or `confluence/parquet/`, with a folder for each stream
and a file for each part:

    duckdb.sql("SELECT id, title, spaceId FROM 'demo/parquet/pages/*.parquet'")
    pandas.read_parquet("demo/parquet/pages")

Objects and arrays are columns of JSON: `version ->> '$.number'`. When one part cannot be read, the
run ends with its reason, and the data set of the run before stays as it was.

The workers are processes on this machine. On a cluster of Dask they are where you started them:

    … --scheduler tls://scheduler:8786 --folder /shared/confluence --connector source-confluence

There, each machine needs the connector, `examples/requirements.txt` without `airbyte`, and the
folder under the same name, for the same user. Dask sends your credentials to them, so let it
encrypt (`tls://`). The limit of the site is the same for all of them: more machines are not more
requests a second.

Not with OAuth 2.0 (3LO): each refresh token works once, and the parts would use up each other's.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import parquet_part
import pyarrow.compute as pc
import pyarrow.parquet as pq
import reading
from dask.distributed import Client, LocalCluster, as_completed
from running import CONNECTOR, chosen, options, replacing, run, site
from split_by_spaces import OF_SPACES, Connection, split, with_parts

RESULT = "parquet"


def main() -> None:
    """Split the site, read its parts, and put them together."""
    given = chosen(with_cluster(with_parts(options(__doc__))))
    with replacing(given.folder.resolve(), [RESULT]) as unfinished:
        attempts = unfinished / "attempts"
        attempts.mkdir()
        with site(given.config) as config:
            connections = split(config, given.parts, given.streams)
            with workers(given.scheduler, len(connections)) as client:
                read = read_parts(client, tasks(connections, given.connector, attempts))
                put_together(read, unfinished / RESULT)
        describe(unfinished / RESULT, given.streams)
    print(f"The data set is in {given.folder / RESULT}/.")


def with_cluster(parser: ArgumentParser) -> ArgumentParser:
    """The options that say where the parts are read."""
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a cluster of Dask; else this machine works"
    )
    parser.add_argument(
        "--connector",
        default=str(CONNECTOR),
        metavar="COMMAND",
        help="of the connector on the workers' machines (default: that of this repository)",
    )
    return parser


@contextmanager
def workers(scheduler: str | None, count: int) -> Iterator[Client]:
    """Those of a cluster, or as many processes on this machine as there are parts."""
    if scheduler:
        with Client(scheduler) as client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=count, threads_per_worker=1, dashboard_address=None, silence_logs="CRITICAL"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def tasks(
    connections: Sequence[Connection], connector: str, folder: Path
) -> Iterator[parquet_part.Task]:
    """What each worker is to do."""
    for number, connection in enumerate(connections, 1):
        yield parquet_part.Task(
            connector=connector,
            folder=str(folder),
            number=number,
            config=connection.config,
            catalog=connection.catalog,
        )


def read_parts(
    client: Client, tasks: Iterator[parquet_part.Task]
) -> dict[int, dict[str, tuple[str, int]]]:
    """Read all parts, and return the files of each; the first that fails ends the run."""
    for module in (reading, parquet_part):
        client.upload_file(module.__file__)
    numbers = {
        client.submit(parquet_part.read_part, task, pure=False): task.number for task in tasks
    }
    for future in as_completed(numbers):
        number = numbers[future]
        if error := future.exception():
            sys.exit(
                f"Part {number} was not read, so the data set stays as it was, if there is one.\n"
                f"{error}"
            )
        counts = ", ".join(f"{count:,} {name}" for name, (_, count) in future.result().items())
        print(f"Part {number} is read: {counts}.", flush=True)
    return {number: future.result() for future, number in numbers.items()}


def put_together(read: dict[int, dict[str, tuple[str, int]]], data_set: Path) -> None:
    """Move the files of the attempts that counted into one folder for each stream."""
    for number, files in read.items():
        for stream, (file, _) in files.items():
            (data_set / stream).mkdir(parents=True, exist_ok=True)
            Path(file).rename(data_set / stream / f"part-{number}.parquet")


def describe(data_set: Path, streams: Sequence[str]) -> None:
    """Say how many rows there are, and how many came from two parts."""
    for stream in streams:
        count = sum(pq.read_metadata(file).num_rows for file in (data_set / stream).iterdir())
        print(f"{count:9,} {stream}")
        if stream in OF_SPACES:
            ids = pq.read_table(data_set / stream, columns=["id"])["id"]
            if twice := count - pc.count_distinct(ids).as_py():
                print(f"{twice:9,} of them twice: moved to another space during the read")


if __name__ == "__main__":
    run(main)

"""Run an example: take its settings, reach its site, and replace its results by whole ones."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from kept_settings import keep_or_say

ROOT = Path(__file__).resolve().parents[1]
_files: list[Path] = []
CONNECTOR = ROOT / ".venv" / "bin" / "source-confluence"


def settings(description: str) -> tuple[dict[str, Any] | None, Path]:
    """The settings of the site (none: a fake site), and the folder for the results."""
    given = chosen(options(description))
    return given.config, given.folder


def options(description: str) -> ArgumentParser:
    """The options that all examples have."""
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, help="settings of your site; a fake site without it")
    parser.add_argument("--folder", type=Path, help="for the results; else confluence/ or demo/")
    return parser


def chosen(parser: ArgumentParser) -> Namespace:
    """What was chosen; `config` holds the settings of the site, or None for a fake site."""
    given = parser.parse_args()
    given.folder = given.folder or Path("confluence" if given.config else "demo")
    _files.extend([given.config] if given.config else [])
    try:
        given.config = read(given.config) if given.config else None
    except (OSError, ValueError) as error:
        parser.error(str(error))
    return given


def keep_settings(config: Mapping[str, Any]) -> None:
    """Keep what the connector tells to keep, if the settings came from a file."""
    for file in _files:
        keep_or_say(file, config)


def read(file: Path) -> dict[str, Any]:
    """The settings: `{"email": …, "api_token": …, "domain_name": …}`."""
    try:
        config = json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(f"{file} is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise ValueError(f"{file} holds no JSON object")  # noqa: TRY004 (the value of a file)
    return config


@contextmanager
def site(config: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """The settings of the site; without any, those of a fake site that runs within the block."""
    if config is not None:
        yield config
        return
    fake = subprocess.Popen(
        [ROOT / ".venv" / "bin" / "python", "-m", "fake_confluence", "--json", "--pages", "1240"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        started = json.loads(fake.stdout.readline())
        os.environ["REQUESTS_CA_BUNDLE"] = started["ca_file"]
        yield started["config"]
    finally:
        fake.terminate()
        fake.wait()


@contextmanager
def replacing(folder: Path, results: Sequence[str]) -> Iterator[Path]:
    """A folder to make the results in, which replace the older ones when the block has ended well.

    Whatever else ends the block, the older results stay as they are.

    Args:
        folder: Where the results belong. It is created, and ignored by git: it holds whole pages.
            The root of a repository, and a folder with a `.gitignore`, are left to their owner.
        results: The names of the files, or of folders. One that is not made is deleted: it is out
            of date.
    """
    example = f".{Path(sys.argv[0]).stem}"
    folder.mkdir(parents=True, exist_ok=True)
    if not any((folder / name).exists() for name in (".gitignore", ".git")):
        (folder / ".gitignore").write_text("*\n")
    with locked(folder / f"{example}.lock"):
        for of_a_killed_run in folder.glob(f"{example}-*"):
            shutil.rmtree(of_a_killed_run)
        with TemporaryDirectory(prefix=f"{example}-", dir=folder) as unfinished:
            yield Path(unfinished)
            for stop in (signal.SIGINT, signal.SIGTERM):  # it takes milliseconds from here
                signal.signal(stop, signal.SIG_IGN)
            for name in results:
                replace(folder / name, Path(unfinished, name))


def replace(older: Path, made: Path) -> None:
    """Put a file or a folder in the place of an older one, or delete that if nothing was made."""
    if older.is_dir():
        older.rename(made.with_name(f"{made.name}.older"))  # it is deleted with what is around it
    if made.exists():
        made.replace(older)
    else:
        older.unlink(missing_ok=True)


def locked(file: Path) -> IO[str]:
    """A file that one run holds open; a second run at the same time is ended here."""
    lock = file.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"Another run is writing to {file.parent}/. Wait for it, or give --folder.")
    return lock


def run(main: Callable[[], None]) -> None:
    """Run an example, and end it with one line when it is stopped or a file cannot be written."""
    stops: list[int] = []

    def stop(number: int, _: object) -> None:
        stops.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        main()
    except (KeyboardInterrupt, SystemExit):  # the latter if PyAirbyte reports a failure instead
        if not stops:
            raise
        sys.exit("Interrupted. The results of an earlier run, if any, are as they were.")
    except OSError as error:
        sys.exit(str(error))

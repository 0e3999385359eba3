"""Copy two versions of the package, each into a folder of its own."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PACKAGE = "source_confluence"


class NoVersionError(Exception):
    """There is no such version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Where the copies are; they stay as they are when somebody edits a file meanwhile.

    Args:
        other: The version to compare with.
        this: This checkout, with changes that are not committed.
    """

    other: Path
    this: Path


def copied(version: str, folder: Path) -> Versions:
    """The version that is a commit, or another checkout as it is, and this checkout.

    Raises:
        NoVersionError: When there is none, or Python would import another one.
    """
    versions = Versions(other=folder / "other", this=folder / "this")
    _copy(_ROOT, versions.this)
    if (Path(version) / _PACKAGE).is_dir():
        _copy(Path(version), versions.other)
    else:
        _check_out(version, versions.other)
    _require_to_be_imported(versions.other)
    _require_to_be_imported(versions.this)
    return versions


def _copy(checkout: Path, folder: Path) -> None:
    shutil.copytree(
        checkout / _PACKAGE, folder / _PACKAGE, ignore=shutil.ignore_patterns("__pycache__")
    )


def _check_out(commit: str, folder: Path) -> None:
    command = ["git", "-C", str(_ROOT), "archive", "--format=tar", commit, _PACKAGE]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 (ours)
    if done.returncode:
        reason = done.stderr.decode().strip()
        raise NoVersionError(f"{commit} is no folder with {_PACKAGE}, and no commit: {reason}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder)  # noqa: S202 (git's own)


def _require_to_be_imported(version: Path) -> None:
    """See to it that not the installed package is compared, with itself."""
    program = f"import {_PACKAGE}; print({_PACKAGE}.__file__)"
    done = subprocess.run(  # noqa: S603 (ours)
        [sys.executable, "-c", program],
        cwd=version.parent,
        env={**os.environ, "PYTHONPATH": str(version)},
        capture_output=True,
        text=True,
        check=True,
    )
    file = Path(done.stdout.strip())
    if file.parents[1].resolve() != version.resolve():
        raise NoVersionError(f"Python imports {file} instead of what is in {version}")

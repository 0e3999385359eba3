"""The wheel, on every Python that it allows and this machine has; `scripts/test-pythons`."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest

from fake_confluence import Content, Service, serve
from integration_tests.connector import Connector, counts, endings
from unit_tests.streams_under_test import row_counts

ROOT = Path(__file__).parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "source-confluence"
ALLOWED = ["3.10", "3.11", "3.12", "3.13", "3.14"]


def pythons(version: str) -> Iterator[str]:
    """Where that Python may be: on the PATH, or kept by pyenv."""
    yield shutil.which(f"python{version}") or ""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        yield sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python")))


def is_python(path: str, version: str) -> bool:
    """Whether it is there and runs: a shim of pyenv stands for a Python that may not be chosen."""
    code = f"import ensurepip, sys; sys.exit('{version}' != '%d.%d' % sys.version_info[:2])"
    if not Path(path).is_file():
        return False
    return subprocess.run([path, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*command, "--no-build-isolation", "--wheel-dir", folder, ROOT], check=True)
    [wheel] = folder.glob("*.whl")
    return wheel


def installed(python: str, version: str, wheel: Path) -> Path:
    """The wheel in an environment of its own, which is kept, so that a second run is quick."""
    dependencies = str(requires("airbyte-source-confluence"))
    kind = hashlib.sha256(dependencies.encode()).hexdigest()[:12]
    environment = CACHE / f"python-{version}-{kind}"
    pip: list[str | Path] = [environment / "bin" / "python", "-m", "pip"]
    is_complete = (environment / "is-complete").exists()
    if not is_complete or not is_python(str(environment / "bin" / "python"), version):
        subprocess.run([python, "-m", "venv", "--clear", environment], check=True)
        subprocess.run([*pip, "install", "--quiet", wheel], check=True)
        (environment / "is-complete").touch()
    again: list[str | Path] = ["install", "--quiet", "--force-reinstall", "--no-deps", wheel]
    subprocess.run([*pip, *again], check=True)
    subprocess.run([*pip, "check"], check=True)
    return environment


@pytest.mark.parametrize("version", ALLOWED)
def test_the_wheel_installs_and_reads_a_site(version: str, wheel: Path, tmp_path: Path) -> None:
    python = next((path for path in pythons(version) if is_python(path, version)), None)
    if python is None:
        pytest.skip(f"Python {version} is not on this machine")
    command = installed(python, version, wheel) / "bin" / "source-confluence"
    content = Content()
    with serve(Service(content)) as site:
        connector = Connector(tmp_path, site, [command])
        assert connector.check() == {"status": "SUCCEEDED"}
        done = connector.read()
    expected = row_counts(content)
    assert done.returncode == 0, done.stdout
    assert counts(done) == expected
    assert endings(done) == dict.fromkeys(expected, "COMPLETE")

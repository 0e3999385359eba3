"""What the README and the scripts promise can be done, can be done."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import requires, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from fake_confluence import Content, Service, demo, serve
from integration_tests.connector import COMMAND, Connector, endings, messages
from integration_tests.image_contents import pins
from unit_tests.streams_under_test import (
    NAMES,
    account_questions,
    contents,
    request_count,
    row_counts,
)

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CATALOG_NAME = "integration_tests/configured_catalog.json"
CATALOG = ROOT / CATALOG_NAME


def readme_commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


FROM_A_REPOSITORY = "git+https://HOST/OWNER/REPO.git"
OWN = ".venv/bin/source-confluence "
LOOK_INTO_TABLES = """\
scripts/pyairbyte -c 'import duckdb; tables = duckdb.connect("demo/confluence.duckdb"); \
tables.sql("SELECT id, title, spaceid FROM main.pages").show()'"""
CONTAINER = (
    'docker run --rm --user "$(id -u)" --volume "$PWD/secrets:/secrets:ro" '
    "airbyte/source-confluence:dev check --config /secrets/config.json"
)


def test_every_command_of_the_readme_is_run_by_a_test_or_by_ci() -> None:
    """What begins with the connector's own command is run below."""
    others = [c for c in readme_commands() if not c.startswith(OWN)]
    assert others == [
        "scripts/demo",
        "scripts/test",
        ".venv/bin/python -m fake_confluence",  # by test_fake_site.py
        "scripts/setup",  # by the tests of setup, below
        "mkdir -p secrets",
        "cp integration_tests/sample_config.json secrets/config.json",  # see test_sample_files.py
        "chmod 600 secrets/config.json",
        "scripts/test-live",  # by test_live.py
        f'pipx install "{FROM_A_REPOSITORY}"',  # pip does it, in the test below
        f'pip install "{FROM_A_REPOSITORY}"',
        "scripts/image",  # by the tests of scripts/image, below, and by scripts/test-image
        CONTAINER,  # by platform_tests/test_image.py
        "scripts/pyairbyte examples/pages_to_duckdb.py",  # by platform_tests/test_example.py
        "scripts/pyairbyte examples/pages_to_duckdb.py --config secrets/config.json",  # the same
        LOOK_INTO_TABLES,  # the same
        "scripts/pyairbyte examples/pages_to_text.py",  # by platform_tests/test_example_text.py
        "scripts/pyairbyte examples/pages_to_text.py --config secrets/config.json",  # the same
        "scripts/pyairbyte examples/split_by_spaces.py",  # by platform_tests/test_example_parts.py
        "scripts/pyairbyte examples/split_by_spaces.py --config secrets/config.json",  # the same
        "scripts/pyairbyte examples/parts_to_parquet.py",  # the same
        "scripts/pyairbyte examples/parts_to_parquet.py --config secrets/config.json",  # the same
    ]


def test_setup_keeps_the_environment_it_has_made() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHON"}
    done = subprocess.run(
        [ROOT / "scripts" / "setup"], env=environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_setup_refuses_a_python_that_is_named_and_cannot_do() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "setup"],
        env={**os.environ, "PYTHON": "/no/such/python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "these are not: /no/such/python" in done.stderr
    assert "What to do: " in done.stderr
    assert (ROOT / ".venv" / "made-for").exists()


def image_with(docker: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/image with a `docker` of our own (or none), and nothing else but `dirname`."""
    (folder / "dirname").symlink_to(shutil.which("dirname") or "")
    if docker:
        (folder / "docker").write_text(f"#!/bin/sh\n{docker}\n")
        (folder / "docker").chmod(0o755)
    return subprocess.run(
        [ROOT / "scripts" / "image", "--pull"],
        env={"PATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_image_is_built_with_the_arguments_that_are_given(tmp_path: Path) -> None:
    done = image_with('[ "$1" = info ] || echo "$@"', tmp_path)
    assert done.stdout == "build --tag airbyte/source-confluence:dev --pull .\n"
    assert done.returncode == 0


def test_an_image_may_stand_on_another_base(tmp_path: Path) -> None:
    done = image_with('[ "$1" = info ] || echo "$@"', tmp_path, BASE_IMAGE="my-python:3.13")
    assert "--build-arg BASE_IMAGE=my-python:3.13 --pull .\n" in done.stdout


def test_git_leaves_settings_and_results_out(tmp_path: Path) -> None:
    paths = ["secrets/config.json", "messages.jsonl", ".venv/bin/python", "build/form-wrong.png"]
    command = ["git", "-c", f"safe.directory={ROOT}", "check-ignore", *paths]
    if not (ROOT / ".git").exists():  # a copy of the files; what counts is .gitignore
        subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
        shutil.copy(ROOT / ".gitignore", tmp_path)
    folder = ROOT if (ROOT / ".git").exists() else tmp_path
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == paths


def test_an_image_needs_docker(tmp_path: Path) -> None:
    done = image_with("", tmp_path)
    assert "the command docker is not installed" in done.stderr
    assert "What to do: install Docker" in done.stderr
    assert done.returncode == 1


def test_an_image_needs_an_engine_not_just_the_command(tmp_path: Path) -> None:
    done = image_with("echo 'Is the docker daemon running?' >&2; exit 1", tmp_path)
    assert "no engine answers it:\nIs the docker daemon running?" in done.stderr
    assert "What to do: start Docker" in done.stderr
    assert done.returncode == 1


def test_the_tests_run_with_what_the_image_holds() -> None:
    """Each dependency of ours is pinned, and the pins are what is installed here."""
    pinned = {pin.name: pin.specifier for pin in pins() if not pin.marker or pin.marker.evaluate()}
    assert all(str(specifier).startswith("==") for specifier in pinned.values())
    assert {name: version(name) for name in pinned} == {
        name: str(specifier)[2:] for name, specifier in pinned.items()
    }
    wanted = [Requirement(line) for line in requires("airbyte-source-confluence") or []]
    assert {w.name for w in wanted if not w.marker} <= set(pinned)


def test_every_pin_has_hashes() -> None:
    """Which `scripts/setup` takes away again, and pip wants in the image."""
    entries = re.split(r"\n(?! )", (ROOT / "requirements.txt").read_text())
    hashed = [entry.split(" \\\n    --hash=sha256:")[0] for entry in entries if "--hash=" in entry]
    assert [Requirement(pin) for pin in hashed] == pins()


def test_the_readme_has_the_commands_that_ci_runs() -> None:
    ci = (ROOT / ".ci" / "run").read_text().splitlines()
    assert readme_commands()[:2] == ["scripts/demo", "scripts/test"]
    assert {"scripts/demo", "scripts/test"} <= set(ci)


@pytest.mark.parametrize("command", [c for c in readme_commands() if c.startswith(OWN)])
def test_each_command_of_the_readme_works(command: str, tmp_path: Path) -> None:
    with serve(Service(contents({}))) as site:
        connector = Connector(tmp_path, site, [COMMAND])
        arguments = shlex.split(command)
        assert arguments.pop(0) == ".venv/bin/source-confluence"
        arguments = [argument for argument in arguments if not argument.startswith(">")]
        files = {"secrets/config.json": str(connector.config), CATALOG_NAME: str(CATALOG)}
        done = connector.run(*[files.get(argument, argument) for argument in arguments])
    assert done.returncode == 0
    expected = {
        "spec": "SPEC",
        "check": "CONNECTION_STATUS",
        "discover": "CATALOG",
        "read": "RECORD",
    }
    assert expected[arguments[0]] in {m["type"] for m in messages(done)}


def test_the_catalog_in_the_repository_selects_every_stream(tmp_path: Path) -> None:
    selected = json.loads(CATALOG.read_text())["streams"]
    with serve(Service(Content())) as site:
        connector = Connector(tmp_path, site)
        discovered = connector.discover()

    def outline(stream: dict[str, object]) -> tuple[object, ...]:
        return tuple(
            stream.get(k)
            for k in (
                "name",
                "supported_sync_modes",
                "source_defined_cursor",
                "default_cursor_field",
                "source_defined_primary_key",
            )
        )

    assert [outline(s["stream"]) for s in selected] == [outline(s) for s in discovered]


def test_the_demo_shows_streams_counts_a_page_and_what_to_do_next() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fake_confluence.demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stderr == ""
    assert "SUCCEEDED" in done.stdout
    assert done.stdout.count("COMPLETE") == len(NAMES)
    assert re.search(r"pages +1,240 +1,240", done.stdout)
    counts = row_counts(demo.CONTENT)
    requests = sum(request_count(name, count, 16) for name, count in counts.items())
    requests += account_questions(demo.CONTENT)
    summary = rf"{sum(counts.values()):,} records in [\d.]+ s, with {requests} requests\n"
    assert re.search(summary, done.stdout)
    assert '"representation": "storage"' in done.stdout
    assert "secrets/config.json" in done.stdout


def test_it_installs_from_a_repository(tmp_path: Path) -> None:
    """As the README says, but from a folder: a copy with a version that no other has."""
    repository, installed = tmp_path / "repository", tmp_path / "installed"
    shutil.copytree(ROOT / "source_confluence", repository / "source_confluence")
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, repository)
    project = (ROOT / "pyproject.toml").read_text()
    other = re.sub(r'^version = ".+"$', 'version = "9.8.7"', project, flags=re.MULTILINE)
    (repository / "pyproject.toml").write_text(other)
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "x"]):
        author = ["-c", "user.name=test", "-c", "user.email=test@acme.com"]
        subprocess.run(["git", *author, *arguments], cwd=repository, check=True)

    there = FROM_A_REPOSITORY.replace("https://HOST/OWNER/REPO.git", repository.as_uri())
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--target", str(installed), there]
    subprocess.run(command, check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-m", "source_confluence", "--version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "source-confluence 9.8.7\n"


def test_the_catalog_in_the_readme_is_read(tmp_path: Path) -> None:
    [catalog] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", README, re.DOTALL)]
    [name] = [stream["stream"]["name"] for stream in catalog["streams"]]
    with serve(Service(contents({}))) as site:
        connector = Connector(tmp_path, site)
        connector.written(connector.catalog, catalog)
        done = connector.run("read", "--config", connector.config, "--catalog", connector.catalog)
    assert endings(done) == {name: "COMPLETE"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    [file] = folder.glob("airbyte_source_confluence-*.whl")
    return zipfile.ZipFile(file)


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {
        "airbyte_source_confluence",
        "source_confluence",
    }
    package = {n for n in names if n.startswith("source_confluence/")}
    tracked = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "source_confluence").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert package == tracked
    assert "source_confluence/py.typed" in package, "type checkers use its types"


def test_the_address_for_reports_stands_in_one_place(wheel: zipfile.ZipFile) -> None:
    """The package takes it from its metadata; the documents point to pyproject.toml."""
    [line] = re.findall(r'^Issues = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    [metadata] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    assert f"Project-URL: Issues, {line}" in wheel.read(metadata).decode().splitlines()
    documents = [README, *(file.read_text() for file in (ROOT / "docs").glob("*.md"))]
    assert all(line not in document for document in documents)
    assert "`Issues` in [pyproject.toml](pyproject.toml)" in README


def test_the_version_is_the_same_everywhere() -> None:
    [version] = re.findall(
        r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )
    metadata = yaml.safe_load((ROOT / "metadata.yaml").read_text())["data"]
    changelog = (ROOT / "docs" / "confluence.md").read_text().split("## Changelog")[1]
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \|", changelog, re.MULTILINE)
    labels = re.findall(
        r"^LABEL (?:io\.airbyte|org\.opencontainers\.image)\.version=(.+)$",
        (ROOT / "Dockerfile").read_text(),
        re.MULTILINE,
    )
    assert [metadata["dockerImageTag"], rows[0], *labels] == [version] * 4


def test_what_is_pasted_into_terraform_and_the_api_fits() -> None:
    fields = list(json.loads((ROOT / "integration_tests" / "sample_config.json").read_text()))
    metadata = yaml.safe_load((ROOT / "metadata.yaml").read_text())["data"]
    text = (ROOT / "docs" / "confluence.md").read_text()
    [terraform] = re.findall(r"```hcl\n(.*?)```", text, re.DOTALL)
    [api] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    inner = terraform.split("jsonencode({")[1].split("})")[0]
    assert re.findall(r"(\w+) +=", inner) == fields == list(api["configuration"])
    assert api["definitionId"] == metadata["definitionId"]
    assert f'definition_id = "{metadata["definitionId"]}"' in terraform
    [python] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert re.findall(r'"(\w+)": ', python) == fields
    for name in fields:
        assert f"| `{name}` |" in text

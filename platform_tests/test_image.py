"""The container image, run by its own ENTRYPOINT against the fake site; `scripts/test-image`."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
import yaml

from fake_confluence import Content, Fault, RunningSite, Service, serve
from fake_confluence.catalog import configured_catalog
from fake_confluence.cloud import Cloud, CloudSite
from fake_confluence.cloud_server import serve_cloud
from fake_confluence.credentials import OAUTH
from integration_tests.connector import Connector, Message, Readable, counts, endings, messages
from integration_tests.faulty_read import HOST, SignedIn
from integration_tests.image_contents import ROOT, pins
from platform_tests.container import docker_reaching, reaching
from unit_tests.streams_under_test import BY_ID, PATHS, PINNED, contents, row_counts

DOCUMENTATION = yaml.safe_load((ROOT / "metadata.yaml").read_text())["data"]["documentationUrl"]
CONTENT = Content()
COUNTS = row_counts(CONTENT)

pytestmark = pytest.mark.image_tests


@pytest.fixture(scope="module")
def image(request: pytest.FixtureRequest) -> str:
    name = request.config.getoption("--connector-image")
    assert name, "scripts/test-image builds an image and runs these tests with it"
    return str(name)


@pytest.fixture(autouse=True)
def readable_files() -> Iterator[None]:
    """What the tests write is read in the container by another user."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with serve(Service(CONTENT)) as site:
        yield site


@pytest.fixture
def connector(image: str, site: RunningSite, tmp_path: Path) -> Connector:
    return contained(image, site, tmp_path)


def contained(image: str, site: Readable, folder: Path, *more: str) -> Connector:
    """The image as a careful operator runs it: nothing can be written but /tmp."""
    folder.chmod(0o755)
    options = ["--rm", "--read-only", "--tmpfs", "/tmp", *reaching(site)]  # noqa: S108 (in there)
    options += ["--volume", f"{folder}:{folder}:ro", *more]
    return Connector(folder, site, ["docker", "run", *options, image])


def docker(*arguments: str) -> str:
    command = ["docker", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=True).stdout


def inside(image: str, code: str, *options: str) -> Any:  # noqa: ANN401 (JSON that it prints)
    """Run a bit of Python in the image."""
    return json.loads(docker("run", "--rm", *options, "--entrypoint", "python", image, "-c", code))


@pytest.fixture(scope="module")
def settings(image: str) -> dict[str, Any]:
    return dict(json.loads(docker("image", "inspect", image))[0]["Config"])


def test_spec(connector: Connector) -> None:
    done = connector.run("spec")
    assert [m["type"] for m in messages(done) if m["type"] != "LOG"] == ["SPEC"]


def test_check_with_a_good_token(connector: Connector) -> None:
    assert connector.check() == {"status": "SUCCEEDED"}


def test_check_with_a_bad_token(connector: Connector, site: RunningSite) -> None:
    status = connector.check({**site.config, "api_token": "expired"})
    assert status["status"] == "FAILED"
    assert "did not accept the credentials (HTTP 401)" in status["message"]


def test_discover(connector: Connector) -> None:
    assert [stream["name"] for stream in connector.discover()] == list(COUNTS)


def test_read(connector: Connector) -> None:
    done = connector.read()
    assert done.returncode == 0, done.stderr
    assert counts(done) == COUNTS
    assert endings(done) == dict.fromkeys(COUNTS, "COMPLETE")


def test_a_read_in_which_a_stream_fails(image: str, tmp_path: Path) -> None:
    refused = Fault(kind="status", status=400, path=PATHS[PINNED], count=None)
    with serve(Service(CONTENT, faults=[refused])) as site:
        done = contained(image, site, tmp_path).read("--debug")
    assert done.returncode == 1
    assert endings(done) == {**dict.fromkeys(COUNTS, "COMPLETE"), PINNED: "INCOMPLETE"}
    assert counts(done) == {name: n for name, n in COUNTS.items() if name != PINNED}


def test_a_read_through_a_proxy_with_oauth(image: str, tmp_path: Path) -> None:
    """By Atlassian's real names; it hands on the settings with the next refresh token."""
    with serve_cloud(Cloud(CloudSite(host=HOST, service=Service(CONTENT)))) as running:
        config = running.config(OAUTH, access="none")
        done = contained(
            image, SignedIn(running=running, kind=OAUTH, config=config), tmp_path
        ).read()
        assert running.refused_hosts == []
    assert done.returncode == 0, done.stderr
    assert counts(done) == COUNTS
    assert endings(done) == dict.fromkeys(COUNTS, "COMPLETE")
    [told] = [m["control"] for m in messages(done) if m["type"] == "CONTROL"]
    assert told["type"] == "CONNECTOR_CONFIG"


def test_a_read_that_is_killed_resumes(image: str, tmp_path: Path) -> None:
    far_away = Fault(kind="slow", seconds=0.3, path=PATHS[BY_ID], count=None)
    name = f"source-confluence-{os.getpid()}"
    with serve(Service(contents({BY_ID: 100}), page_cap=10, faults=[far_away])) as site:
        connector = contained(image, site, tmp_path, "--name", name)
        connector.written(connector.catalog, configured_catalog(BY_ID))
        read = ("read", "--config", connector.config, "--catalog", connector.catalog)
        command: list[str | Path] = [*connector.command, *read]
        with subprocess.Popen(command, stdout=PIPE, text=True) as process:
            assert process.stdout
            before: list[Message] = []
            while not before or before[-1]["type"] != "STATE":
                before.append(json.loads(process.stdout.readline()))
            docker("kill", name)
        state = connector.written(tmp_path / "state.json", [before[-1]["state"]])
        done = connector.run(*read, "--state", state)
    assert process.returncode == 137
    assert endings(done) == {BY_ID: "COMPLETE"}
    assert 0 < counts(done)[BY_ID] < 100
    records = [m["record"]["data"] for m in [*before, *messages(done)] if m["type"] == "RECORD"]
    assert len({record["id"] for record in records}) == 100


@pytest.mark.parametrize(
    ("document", "file"),
    [("README.md", "secrets/config.json"), ("docs/confluence.md", "config.json")],
)
def test_the_command_of_a_document(
    document: str,
    file: str,
    site: RunningSite,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = (ROOT / document).read_text().replace("\\\n", "")
    [command] = re.findall("^docker run .+$", text, re.MULTILINE)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(json.dumps(site.config))
    (tmp_path / file).chmod(0o600)  # as settings with a token should be
    monkeypatch.setenv("PATH", str(docker_reaching(site, tmp_path)), prepend=os.pathsep)
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    [status] = [m for m in messages(done) if m["type"] == "CONNECTION_STATUS"]
    assert status["connectionStatus"] == {"status": "SUCCEEDED"}


def test_it_runs_as_user_1000(image: str) -> None:
    assert inside(image, "import os; print(os.getuid())") == 1000


def test_airbyte_starts_what_the_entrypoint_starts(settings: dict[str, Any]) -> None:
    environment = dict(variable.split("=", 1) for variable in settings["Env"])
    assert settings["Entrypoint"] == ["python", "/airbyte/integration_code/main.py"]
    assert environment["AIRBYTE_ENTRYPOINT"] == " ".join(settings["Entrypoint"])


METADATA = """
import json, importlib.metadata as m
print(json.dumps(dict(m.metadata("airbyte-source-confluence").items())))
"""


def test_the_labels_say_what_the_package_inside_says(image: str, settings: dict[str, Any]) -> None:
    """Airbyte's labels, and those of https://specs.opencontainers.org/image-spec/annotations."""
    inside_it = inside(image, METADATA)
    assert inside_it["Version"] == version("airbyte-source-confluence")
    expected = {
        "io.airbyte.name": "airbyte/source-confluence",
        "io.airbyte.version": inside_it["Version"],
        "org.opencontainers.image.title": "source-confluence",
        "org.opencontainers.image.description": inside_it["Summary"],
        "org.opencontainers.image.version": inside_it["Version"],
        "org.opencontainers.image.licenses": inside_it["License-Expression"],
        "org.opencontainers.image.documentation": DOCUMENTATION,
    }
    assert {name: settings["Labels"].get(name) for name in expected} == expected


PACKAGES = """
import json, importlib.metadata as m, re
first = reversed(list(m.distributions()))  # of a package that is there twice, what is imported
print(json.dumps({re.sub("[-_.]+", "-", d.name).lower(): d.version for d in first}))
"""


def test_it_holds_the_pinned_dependencies_and_nothing_more_than_the_base(image: str) -> None:
    """No build tools, nothing for tests: what is not pinned and not ours came with the base."""
    found = inside(image, PACKAGES)
    environment = inside(image, MARKERS)
    wanted = {
        pin.name: str(pin.specifier).removeprefix("==")
        for pin in pins()
        if not pin.marker or pin.marker.evaluate(environment)
    }
    assert {name: found.get(name) for name in wanted} == wanted
    added = set(found) - set(inside(os.environ["BASE_IMAGE"], PACKAGES))
    assert added <= {*wanted, "airbyte-source-confluence"}


MARKERS = """
import json, platform, sys
print(json.dumps({
    "implementation_name": sys.implementation.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "python_full_version": platform.python_version(),
    "python_version": "%d.%d" % sys.version_info[:2],
    "sys_platform": sys.platform,
}))
"""

FILES = """
import hashlib, json, os, sys
wanted = set(json.load(sys.stdin))
found = {}
for top, folders, names in os.walk("/"):
    folders[:] = [f for f in folders if os.path.join(top, f) not in ("/proc", "/sys", "/dev")]
    for name in names:
        path = os.path.join(top, name)
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            if digest in wanted:
                found[digest] = path
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def careless_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """An image, and the folder it was built in: all of ours is there, and somebody's token."""
    folder = tmp_path_factory.mktemp("careless") / "source-confluence"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".venv", ".git", ".*_cache"))
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets" / "config.json").write_text('{"api_token": "somebody\'s own"}')
    (folder / "source_confluence" / "__pycache__").mkdir(exist_ok=True)
    (folder / "source_confluence" / "__pycache__" / "left.pyc").write_text("from another Python")
    name = "airbyte/source-confluence:careless"
    base = f"BASE_IMAGE={os.environ['BASE_IMAGE']}"
    docker("build", "--quiet", "--build-arg", base, "--tag", name, str(folder))
    yield name, folder
    docker("rmi", name)


def test_of_ours_it_holds_the_package_main_py_and_the_pins_and_nothing_else(
    careless_image: tuple[str, Path],
) -> None:
    """Neither the fake site, nor tests, nor examples, nor secrets: no file with such contents."""
    image, folder = careless_image
    files = [file for file in folder.rglob("*") if file.is_file() and file.stat().st_size]
    allowed = {folder / "main.py", folder / "requirements.txt"}
    package = {file for file in files if file.is_relative_to(folder / "source_confluence")}
    allowed |= {file for file in package if "__pycache__" not in file.parts}
    shipped = {digest(file) for file in allowed}
    foreign = {digest(file): file for file in files if digest(file) not in shipped}
    assert folder / "secrets" / "config.json" in foreign.values()

    assert found_in(image, foreign) == {}
    code = {digest(file) for file in allowed if file.suffix in {".py", ".json", ".yaml"}}
    assert set(found_in(image, code)) == code, "it would be found"


def found_in(image: str, digests: Iterable[str]) -> dict[str, str]:
    """Which files with these contents are anywhere in the image, by digest."""
    command = ["docker", "run", "--rm", "-i", "--user", "0", "--entrypoint", "python", image]
    done = subprocess.run(
        [*command, "-c", FILES],
        input=json.dumps(list(digests)),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return dict(json.loads(done.stdout))


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("tool", ["cc", "gcc", "make", "git"])
def test_no_build_tools_are_left(tool: str, image: str) -> None:
    code = f"import json, shutil; print(json.dumps(shutil.which({tool!r})))"
    assert inside(image, code) is None

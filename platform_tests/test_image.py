"""The container image, run by its own ENTRYPOINT against the fake site; `scripts/test-image`."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from fake_confluence import Content, RunningSite, Service, serve
from integration_tests.connector import Connector, counts, endings, messages
from platform_tests.container import docker_reaching, reaching

PACKAGE = Path(__file__).parents[1] / "source_confluence"
README = (PACKAGE.parent / "README.md").read_text()
CONTENT = Content(pages=620, blog_posts=40, spaces=12, audit=1300, groups=30)
COUNTS = {"pages": 620, "blog_posts": 40, "space": 12, "audit": 1300, "group": 30}

pytestmark = pytest.mark.image_tests


@pytest.fixture(scope="module")
def image(request: pytest.FixtureRequest) -> str:
    name = request.config.getoption("--connector-image")
    assert name, "scripts/test-image builds an image and runs these tests with it"
    return str(name)


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with serve(Service(CONTENT)) as site:
        yield site


@pytest.fixture
def connector(image: str, site: RunningSite, tmp_path: Path) -> Connector:
    """The image as a careful operator runs it: nothing can be written but /tmp."""
    tmp_path.chmod(0o755)
    options = ["--rm", "--read-only", "--tmpfs", "/tmp", *reaching(site)]  # noqa: S108 (in there)
    options += ["--volume", f"{tmp_path}:{tmp_path}:ro"]
    return Connector(tmp_path, site, ["docker", "run", *options, image])


def docker(*arguments: str) -> str:
    command = ["docker", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


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


def test_the_command_of_the_readme(
    site: RunningSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [command] = re.findall("^docker run .+$", README, re.MULTILINE)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "config.json").write_text(json.dumps(site.config))
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


def test_the_labels_name_the_connector_and_the_version_that_is_inside(
    image: str, settings: dict[str, Any]
) -> None:
    code = "import json, importlib.metadata as m; print(json.dumps(m.version('{}')))"
    installed = inside(image, code.format("airbyte-source-confluence"))
    assert installed == version("airbyte-source-confluence")
    assert settings["Labels"]["io.airbyte.name"] == "airbyte/source-confluence"
    assert settings["Labels"]["io.airbyte.version"] == installed


def test_the_dependencies_are_the_pinned_ones(image: str) -> None:
    code = "import json, importlib.metadata as m; print(json.dumps(m.version('airbyte-cdk')))"
    pins = (PACKAGE.parent / "requirements.txt").read_text().splitlines()
    assert f"airbyte-cdk=={inside(image, code)}" in pins


def test_of_ours_it_holds_the_package_and_main_py_and_nothing_else(image: str) -> None:
    """Neither the fake site, nor tests, nor secrets."""
    code = """
import json, pathlib, source_confluence
work = pathlib.Path("/airbyte/integration_code")
package = pathlib.Path(source_confluence.__file__).parent
foreign = ["fake_confluence", "unit_tests", "integration_tests", "platform_tests", "secrets"]
print(json.dumps({
    "work": sorted(str(f.relative_to(work)) for f in work.rglob("*")),
    "package": sorted(str(f.relative_to(package)) for f in package.rglob("*")
                      if f.is_file() and f.suffix != ".pyc"),
    "foreign": [str(f) for top in ("airbyte", "build", "home", "opt", "root", "tmp", "usr", "var")
                for name in foreign for f in pathlib.Path("/", top).rglob(name)],
}))
"""
    found = inside(image, code, "--user", "0")  # from root nothing is hidden
    ours = [f for f in PACKAGE.rglob("*") if f.is_file() and "__pycache__" not in f.parts]
    assert found == {
        "work": ["main.py", "requirements.txt"],
        "package": sorted(str(f.relative_to(PACKAGE)) for f in ours),
        "foreign": [],
    }


@pytest.mark.parametrize("tool", ["cc", "gcc", "make", "git"])
def test_no_build_tools_are_left(tool: str, image: str) -> None:
    code = f"import json, shutil; print(json.dumps(shutil.which({tool!r})))"
    assert inside(image, code) is None


def test_no_packages_of_the_tests_are_there(image: str) -> None:
    code = "import json, importlib.metadata as m; "
    code += "print(json.dumps([d.name for d in m.distributions()]))"
    assert not {"mypy", "pytest", "requests-mock", "ruff", "trustme"} & set(inside(image, code))

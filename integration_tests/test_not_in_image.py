"""What `not-in-image.txt` leaves out of the image is imported by none of the four commands.

The commands that other tests run in forks do without these modules already: see `fork_server.py`.
Here they run where everything is installed, and the code of all packages is searched for what is
imported rarely.
"""

import re
import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from fake_confluence import Fault, Service, serve
from fake_confluence.catalog import configured_catalog
from integration_tests import fork_server
from integration_tests.connector import Connector
from integration_tests.image_contents import (
    ROOT,
    dependencies,
    left_out,
    modules_left_out,
    pins,
)
from unit_tests.streams_under_test import BY_ID, NAMES, PATHS, PINNED, contents

LINES = (ROOT / "not-in-image.txt").read_text().splitlines()
LISTED = {line for line in LINES if line and not line.startswith("#")}
MODULES = modules_left_out()

NEVER_LOADED = (
    "airbyte_cdk/cli/",
    "airbyte_cdk/manifest_server/",
    "airbyte_cdk/sources/file_based/",
    "airbyte_cdk/sql/",
    "airbyte_cdk/test/",
    "airbyte_cdk/utils/docker.py",
)
"""Code that imports what is left out, and that no command imports."""
NEVER_CALLED = {
    "airbyte_cdk/sources/declarative/extractors/response_to_file_extractor.py": "for YAML sources",
    "pydantic/_internal/_core_utils.py": "prints the insides of pydantic, to debug it",
}
"""Code that imports what is left out in a function, and why no command calls it."""


def test_the_list_names_what_airbyte_cdk_declares_and_what_is_not_pinned() -> None:
    assert {canonicalize_name(name) for name in LISTED} == LISTED
    assert dependencies("airbyte-cdk") >= LISTED
    assert left_out() >= LISTED


@pytest.mark.parametrize("module", ["pandas", "google.auth"])
def test_a_fork_cannot_import_it(module: str) -> None:
    done = fork_server.run(module, [], environment={})
    top = module.partition(".")[0]
    assert f"No module named {top!r}: it is left out of the image" in done.stderr


def test_nothing_else_that_is_installed_in_the_image_imports_it() -> None:
    """Wherever in the code that stands, except for what no command runs."""
    names = "|".join(sorted(MODULES))
    imports = re.compile(
        rf"^\s*(?:import|from) (?:{names})\b[\w.]*( import .+| as .+)?$", re.MULTILINE
    )
    code = [
        (str(file), Path(str(file.locate())).read_text(encoding="utf-8", errors="replace"))
        for pin in pins()
        if not pin.marker or pin.marker.evaluate()
        for file in distribution(pin.name).files or []
        if file.suffix == ".py"
    ]
    found = {name for name, text in code if imports.search(text)}
    rare = {name for name in found if not name.startswith(NEVER_LOADED)}
    assert rare == set(NEVER_CALLED)
    assert {top for top in NEVER_LOADED if not any(n.startswith(top) for n in found)} == set()


STATE = ROOT / "integration_tests" / "sample_state.json"
READ = "read --config config.json --catalog catalog.json --state state.json"
PROGRAM = """if True:
    import atexit, sys
    @atexit.register
    def report():
        files = [getattr(module, "__file__", None) or "" for module in sys.modules.values()]
        print(*sys.modules, *files, sep="\\n", file=sys.stderr)
    from source_confluence.run import run
    run()
"""


@pytest.mark.parametrize(
    ("command", "mode", "exit_code"),
    [
        ("spec", "", 0),
        ("check --config config.json --debug", "", 0),
        ("discover --config config.json", "", 0),
        (f"{READ} --debug", "", 1),
        (READ, "cloud", 1),
    ],
)
def test_no_command_imports_it(
    command: str, mode: str, exit_code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEPLOYMENT_MODE", mode)
    faults = [
        Fault(kind="odd", path=PATHS[BY_ID], raw='"caf\udce9"'),
        Fault(kind="status", status=400, path=PATHS[PINNED], count=None),
    ]
    with serve(Service(contents({}), faults=faults)) as site:
        connector = Connector(tmp_path, site, [sys.executable, "-c", PROGRAM])
        connector.written(connector.catalog, configured_catalog(*NAMES))
        shutil.copy(STATE, tmp_path / "state.json")
        done = connector.run(*command.split())
    assert done.returncode == exit_code, done.stderr
    assert set(done.stderr.splitlines()) & MODULES == set()
    assert not re.search("|".join(NEVER_LOADED), done.stderr)

"""What of the Python packages the image holds, and what it leaves out.

`requirements.txt` has what it holds. Of what airbyte-cdk depends on, `not-in-image.txt` names what
is left out; what only that needs is left out with it.
"""

from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import distribution, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def pins() -> list[Requirement]:
    """What is pinned, for every Python, without the hashes."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [Requirement(line.rstrip(" \\")) for line in lines if "==" in line]


def dependencies(package: str) -> set[str]:
    """The packages that a package needs on this Python, without its extras."""
    wanted = [Requirement(line) for line in requires(package) or []]
    return {
        canonicalize_name(need.name)
        for need in wanted
        if not need.marker or need.marker.evaluate({"extra": ""})
    }


def left_out() -> set[str]:
    """The packages that airbyte-cdk needs, itself or through others, and that are not pinned."""
    needed: set[str] = set()
    ahead = {"airbyte-cdk"}
    while ahead:
        needed |= ahead
        ahead = {name for package in ahead for name in dependencies(package)} - needed
    return needed - {pin.name for pin in pins()}


def modules_left_out() -> set[str]:
    """What `import` calls them: `pandas`, `google`."""
    files = [file for package in left_out() for file in distribution(package).files or []]
    tops = {file.parts[0].removesuffix(".py") for file in files if file.suffix == ".py"}
    return {top for top in tops if top.isidentifier()}


class LeftOut(MetaPathFinder):
    """Lets imports of these modules fail, as they do in the image; put it into `sys.meta_path`."""

    def __init__(self) -> None:
        self._modules = modules_left_out()

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """Raise ModuleNotFoundError for one of them, and find no other."""
        if fullname in self._modules:
            message = f"No module named {fullname!r}: it is left out of the image"
            raise ModuleNotFoundError(message, name=fullname)
        return None

"""Say where the publisher of the installed package wants mistakes to be reported."""

import re
from importlib.metadata import PackageNotFoundError, metadata

_FILLED_IN = re.compile(r"Issues, *(?!.*\b(?:HOST|OWNER|REPO)\b)(?P<address>https://\S+)")


def report_to() -> str:
    """Whom to report to, the end of a sentence: `to its maintainers`, or `at https://…`.

    The address is `Issues` under `[project.urls]` in pyproject.toml, unless it is still the
    placeholder that stands there until a publisher fills it in.
    """
    try:
        addresses = metadata("airbyte-source-confluence").get_all("Project-URL") or []
    except PackageNotFoundError:  # run from its files, without being installed
        addresses = []
    found = next(filter(None, map(_FILLED_IN.fullmatch, addresses)), None)
    return f"at {found['address']}" if found else "to its maintainers"

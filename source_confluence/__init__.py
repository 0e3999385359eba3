"""An Airbyte source that copies a Confluence Cloud site."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from source_confluence.source import SourceConfluence

__all__ = ["SourceConfluence"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 (Python's signature)
    """Import the source, and with it the CDK, when it is first used: that takes a second."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from source_confluence.source import SourceConfluence  # noqa: PLC0415

    return SourceConfluence

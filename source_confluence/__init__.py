"""An Airbyte source that copies a Confluence Cloud site."""

from source_confluence.source import SourceConfluence

__all__ = ["SourceConfluence"]

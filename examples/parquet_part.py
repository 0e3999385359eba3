"""Read one part of a site into Parquet files, in bounded memory: what a worker of Dask does."""

import json
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from reading import Settings, records

MAX_GROUP_CHARACTERS = 16_000_000  # of text in a row group: about what a part keeps in memory
MAX_GROUP_ROWS = 10_000
OTHER_FIELDS = "other_fields"  # the column for what the schema does not name, as JSON
TYPES = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a worker is to read. Dask logs it when it fails, so it does not show the token.

    Args:
        connector: The connector's command on the worker's machine.
        folder: For the files; all machines see it under this name.
        number: That of the part.
        config: Its settings.
        catalog: Its streams, with their schemas.
    """

    connector: str
    folder: str
    number: int
    config: Settings = field(repr=False)
    catalog: Settings = field(repr=False)


def read_part(task: Task) -> dict[str, tuple[str, int]]:
    """Read a part, and return the file of each stream and its rows: `{"pages": ("…", 5210)}`.

    Dask repeats it when a machine is lost that may be alive; so each attempt has its own files.

    Raises:
        IncompleteError: When the part could not be read to the end.
    """
    attempt = f"{task.number}-{uuid4().hex}.parquet"
    tables: dict[str, Table] = {}
    with ExitStack() as files:
        for stream in (each["stream"] for each in task.catalog["streams"]):
            file = Path(task.folder, stream["name"], attempt)
            file.parent.mkdir(exist_ok=True)
            tables[stream["name"]] = table = Table(file, schema_of(stream["json_schema"]))
            files.callback(table.close)
        rows = files.enter_context(closing(records(task.connector, task.config, task.catalog)))
        for name, row in rows:
            tables[name].add(row)
    return {name: (str(table.file), table.count) for name, table in tables.items()}


def schema_of(json_schema: Mapping[str, Any]) -> pa.Schema:
    """A column for each field: texts, numbers, and objects and arrays as JSON."""
    columns = {name: TYPES.get(kind(field)) for name, field in json_schema["properties"].items()}
    return pa.schema(
        (name, of_column or pa.string())
        for name, of_column in {**columns, OTHER_FIELDS: None}.items()
    )


def kind(field: Mapping[str, Any]) -> str:
    """What a field holds if it is not null: `{"type": ["null", "integer"]}` → `integer`."""
    types = field.get("type", "object")
    return types if isinstance(types, str) else next(each for each in types if each != "null")


class Table:
    """One Parquet file, written group by group.

    Args:
        file: Its path; the folder must exist, and writing fails once it is gone.
        schema: Its columns.
    """

    def __init__(self, file: Path, schema: pa.Schema) -> None:
        self.file = file
        self.count = 0
        self._schema = schema
        self._writer = pq.ParquetWriter(file, schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._characters = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        cells = {name: self._cell(name, row.get(name)) for name in self._schema.names}
        if others := {name: value for name, value in row.items() if name not in cells}:
            cells[OTHER_FIELDS] = as_json(others)
        self._rows.append(cells)
        self._characters += sum(len(cell) for cell in cells.values() if isinstance(cell, str))
        if self._characters >= MAX_GROUP_CHARACTERS or len(self._rows) >= MAX_GROUP_ROWS:
            self._write()

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        self._write()
        self._writer.close()

    def _cell(self, name: str, value: object) -> object:
        is_text = self._schema.field(name).type == pa.string()
        return as_json(value) if is_text and not isinstance(value, str | None) else value

    def _write(self) -> None:
        if not self.file.exists():
            raise FileNotFoundError(f"{self.file} is gone: the run it belongs to has ended.")
        self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self.count += len(self._rows)
        self._rows, self._characters = [], 0


def as_json(value: object) -> str:
    """JSON, with letters as they are."""
    return json.dumps(value, ensure_ascii=False)

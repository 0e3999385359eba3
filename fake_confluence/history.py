"""Let things happen on the site: edits, moves, the trash, permissions, events."""

import threading
from collections import defaultdict

from fake_confluence.clock import Clock, timestamp
from fake_confluence.content import Content, Rows
from fake_confluence.paging import ByCursor
from fake_confluence.rows import Row
from fake_confluence.table import Table

_KEPT = ""


class History:
    """What happens on the site, at any moment, even while it responds.

    Each act takes its time from the clock; `skew_seconds` says how much the clock of the machine
    that writes it is ahead of that. An act that the state of the row does not allow, such as the
    edit of a page in the trash, is a `ValueError`.

    Args:
        content: The rows at the beginning.
        clock: The site's time.
    """

    def __init__(self, content: Content, clock: Clock) -> None:
        self.content = content
        self.clock = clock
        self.lock = threading.RLock()
        self.hidden_spaces: set[str] = set()
        self.events: defaultdict[str, list[Row]] = defaultdict(list)
        """What was written to each log, by its path."""
        self._tables: dict[tuple[str, tuple[str, ...]], Table] = {}
        self._changing = {
            route.name: self.table(Rows(content, route, ()), route.paging)
            for route in content.routes
            if isinstance(route.paging, ByCursor) and "status" in route.paging.filters
        }

    def table(self, rows: Rows, paging: ByCursor) -> Table:
        """A list of v2 as it is now."""
        place = (rows.route.path, rows.parents)
        with self.lock:
            if place not in self._tables:
                self._tables[place] = Table(rows, paging)
            return self._tables[place]

    def row(self, own_id: str) -> Row | None:
        """A row with its body, even one that is hidden; None when it was purged."""
        with self.lock:
            table, index = self._place(own_id)
            altered = table.altered.get(index)
            return None if altered and altered.is_purged else table.row(index)

    def rows(self, name: str, *statuses: str) -> list[Row]:
        """The visible rows of a list, with bodies, by id; those its default shows, if not said."""
        with self.lock:
            table = self._changing[name]
            wanted = statuses or table.paging.filters["status"].default
            hidden = {index for index, each in table.altered.items() if not each.is_listed}
            rows = [table.row(index) for index in range(table.count) if index not in hidden]
            return [
                row
                for row in rows
                if (not wanted or row["status"] in wanted)
                and row.get("spaceId") not in self.hidden_spaces
            ]

    def create(
        self,
        name: str,
        *,
        title: str = "",
        space_id: str = "",
        parent_id: str | None = _KEPT,
        skew_seconds: float = 0.0,
    ) -> str:
        """Add a page or a blog post (`blog_posts`), or a space (`space`); its id.

        What is not said of it, is made up.
        """
        with self.lock:
            table = self._changing[name]
            row = table.row(table.count)
            now = timestamp(self.clock.now(skew_seconds))
            fields: Row = {"createdAt": now, "status": "current"}
            fields |= {"spaceId": space_id} if space_id else {}
            fields |= {_title_of(row): title} if title else {}
            fields |= _parent(row, parent_id)
            if "version" in row:
                fields["version"] = {**row["version"], "number": 1, "createdAt": now}
            return str(table.paging.ids[table.add(fields)])

    def edit(self, own_id: str, text: str = "", *, skew_seconds: float = 0.0) -> None:
        """Write a new version; its body ends with a new paragraph in place of the last edit's."""
        with self.lock:
            table, index, row = self._row_in(own_id, "current")
            version = self._next_version(row, skew_seconds)
            text = text or f"Version {version['version']['number']}."
            table.alter(index, version, text=text)

    def rename(self, own_id: str, title: str, *, skew_seconds: float = 0.0) -> None:
        """Give another title: a new version. Of a space: another name."""
        with self.lock:
            table, index, row = self._row_in(own_id, "current")
            version = self._next_version(row, skew_seconds) if "version" in row else {}
            table.alter(index, {**version, _title_of(row): title})

    def move(
        self,
        own_id: str,
        *,
        space_id: str = "",
        parent_id: str | None = _KEPT,
        new_version: bool = False,
        skew_seconds: float = 0.0,
    ) -> None:
        """Move to another space or below another page; to the root, when the parent is None.

        In Confluence some ways to move write a new version, and others do not.
        """
        with self.lock:
            table, index, row = self._row_in(own_id, "current")
            version = self._next_version(row, skew_seconds) if new_version else {}
            space = {"spaceId": space_id} if space_id else {}
            table.alter(index, {**version, **space, **_parent(row, parent_id)})

    def hand_over(self, own_id: str, owner_id: str) -> None:
        """Give a page to another owner, without a new version."""
        with self.lock:
            table, index, row = self._row_in(own_id, "current")
            if "ownerId" not in row:
                raise ValueError("Only pages have an owner.")
            table.alter(index, {"ownerId": owner_id, "lastOwnerId": row["ownerId"]})

    def archive(self, own_id: str) -> None:
        """Archive a page or a space; there is no such thing for a blog post."""
        with self.lock:
            table, index, _ = self._row_in(own_id, "current")
            if "archived" not in table.paging.filters["status"].values:
                raise ValueError(f"{own_id} is of a kind that cannot be archived.")
            table.alter(index, {"status": "archived"})

    def trash(self, own_id: str) -> None:
        """Put into the trash; a page shows no parent then. Its children stay as they are."""
        with self.lock:
            table, index, _ = self._row_in(own_id, "current", "archived")
            table.alter(index, {"status": "trashed"})

    def restore(self, own_id: str, *, new_version: bool = False, skew_seconds: float = 0.0) -> None:
        """Make current what was archived or in the trash, where it was before."""
        with self.lock:
            table, index, row = self._row_in(own_id, "archived", "trashed")
            version = self._next_version(row, skew_seconds) if new_version else {}
            table.alter(index, {**version, "status": "current"})

    def purge(self, own_id: str) -> None:
        """Delete for good, from the trash or from anywhere."""
        with self.lock:
            table, index, _ = self._row_in(own_id, "current", "archived", "trashed")
            table.alter(index, is_purged=True)

    def hide(self, *own_ids: str) -> None:
        """Let the account no longer see rows; of a space, neither its pages and blog posts."""
        self._permit(own_ids, is_hidden=True)

    def show(self, *own_ids: str) -> None:
        """Let the account see rows again."""
        self._permit(own_ids, is_hidden=False)

    def log(self, *, late_seconds: float = 0.0) -> None:
        """Write an event to the audit log; it happened so long ago."""
        with self.lock:
            for route in self.content.routes:
                if route.make_new:
                    events = self.events[route.path]
                    events.append(route.make_new(len(events), self.clock.now(-late_seconds)))

    def _permit(self, own_ids: tuple[str, ...], *, is_hidden: bool) -> None:
        with self.lock:
            for own_id in own_ids:
                table, index = self._place(own_id)
                table.alter(index, is_hidden=is_hidden)
                if table is self._changing["space"]:
                    change = self.hidden_spaces.add if is_hidden else self.hidden_spaces.discard
                    change(own_id)

    def _next_version(self, row: Row, skew_seconds: float) -> Row:
        now = timestamp(self.clock.now(skew_seconds))
        number = row["version"]["number"] + 1
        return {"version": {**row["version"], "number": number, "createdAt": now, "message": ""}}

    def _row_in(self, own_id: str, *statuses: str) -> tuple[Table, int, Row]:
        """Where the row is, and how it is now, when that is one of the statuses."""
        table, index = self._place(own_id)
        row = self.row(own_id)
        if row is None or row["status"] not in statuses:
            found = row["status"] if row else "purged"
            raise ValueError(f"{own_id} is {found}, not {' or '.join(statuses)}.")
        return table, index, row

    def _place(self, own_id: str) -> tuple[Table, int]:
        for table in self._changing.values():
            if int(own_id) in table.paging.ids[: table.count]:
                return table, table.paging.ids.index(int(own_id))
        raise ValueError(f"The site never had {own_id}.")


def _title_of(row: Row) -> str:
    return "title" if "title" in row else "name"


def _parent(row: Row, parent_id: str | None) -> Row:
    if parent_id == _KEPT:
        return {}
    if "parentId" not in row:
        raise ValueError("Only pages have a parent.")
    return {"parentId": parent_id, "parentType": "page" if parent_id else None}

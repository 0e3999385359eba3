"""Look up what a list of the site holds, by its name or by its path."""

from dataclasses import dataclass
from random import Random
from typing import ClassVar

from fake_confluence.routes import ROUTES, Route
from fake_confluence.rows import Row, Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Content(Sizes):
    """What the site holds: the rows of each list of `routes`, as many as the sizes say."""

    routes: ClassVar[tuple[Route, ...]] = ROUTES

    def count(self, name: str, *parents: str) -> int:
        """How many rows a list has; `parents` fill the placeholders in its path."""
        return self._route(name).count(self, *parents)

    def row(self, name: str, index: int, *parents: str) -> Row:
        """One row as the list shows it, with body, description and icon."""
        seed = f"{self.seed}/{'/'.join((name, *parents))}/{index}"
        return self._route(name).make(self, index, Random(seed), *parents)

    def rows(self, name: str, *parents: str) -> list[Row]:
        """All rows, in the order of the list."""
        return [self.row(name, index, *parents) for index in range(self.count(name, *parents))]

    def at(self, path: str) -> "Rows | None":
        """The list that is at a path, if there is one."""
        for route in self.routes:
            parents = route.parents(path)
            if parents is not None:
                return Rows(self, route, parents)
        return None

    def _route(self, name: str) -> Route:
        for route in self.routes:
            if route.name == name:
                return route
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one list, generated on demand.

    Args:
        content: What the site holds.
        route: The list.
        parents: The values of the placeholders in its path.
    """

    content: Content
    route: Route
    parents: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return self.content.count(self.route.name, *self.parents)

    def row(self, index: int) -> Row:
        """One of them."""
        return self.content.row(self.route.name, index, *self.parents)

    def all(self) -> list[Row]:
        """All of them."""
        return self.content.rows(self.route.name, *self.parents)

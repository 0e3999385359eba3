"""Decide how many rows to ask for: half after a response that was too much, then slowly more."""

_SUCCESSES_BEFORE_GROWTH = 3


class PageSize:
    """How many rows each request of one read asks for.

    250 → 125 → 62 → 31 → 15 → 7 → 3 → 1. After three responses that were not too much, 1 → 2 → 4 …
    When that was too early, it takes 6, 12, 24 … responses until more is asked for again.

    Args:
        max_rows: What to begin with.

    Attributes:
        rows: How many rows to ask for now.
        light_in_a_row: How many rows in a row were read without what is heavy.
    """

    def __init__(self, max_rows: int) -> None:
        self.rows = max_rows
        self.light_in_a_row = 0
        self._max_rows = max_rows
        self._success_count = 0
        self._patience = _SUCCESSES_BEFORE_GROWTH
        self._has_just_grown = False

    def failed(self, rows: int) -> None:
        """A response with so many rows was too much; more rows than now prove nothing."""
        if rows > self.rows:
            return
        if self._has_just_grown:
            self._patience *= 2
        self._change(max(self.rows // 2, 1), has_grown=False)

    def succeeded(self, rows: int) -> None:
        """A response with so many rows was not too much; fewer rows than now prove nothing."""
        self.light_in_a_row = 0
        if rows < self.rows:
            return
        if self._has_just_grown:
            self._patience = _SUCCESSES_BEFORE_GROWTH
            self._has_just_grown = False
        self._success_count += 1
        if self._success_count >= self._patience and self.rows < self._max_rows:
            self._change(min(self.rows * 2, self._max_rows), has_grown=True)

    def succeeded_light(self) -> None:
        """A row was read without what is heavy."""
        self.light_in_a_row += 1

    def _change(self, rows: int, *, has_grown: bool) -> None:
        self.rows = rows
        self._has_just_grown = has_grown
        self._success_count = 0

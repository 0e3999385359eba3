"""Sync a Confluence site into DuckDB, and ask it three questions in SQL.

    scripts/pyairbyte examples/pages_to_duckdb.py                               # a fake site
    scripts/pyairbyte examples/pages_to_duckdb.py --config secrets/config.json  # your own

Which pages are stale, in which space? Which are edited most? Who writes where? The answers are
printed, and written as CSV, with a chart (PNG) of the first one. The tables stay in
`confluence.duckdb`: open that with `duckdb`, pandas or whatever you like, and ask on.
"""

import argparse
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import airbyte as ab
import matplotlib as mpl
import pandas as pd

mpl.use("Agg")  # a chart in a file, no window
HERE = Path(__file__).resolve().parents[1]
CONNECTOR = HERE / ".venv" / "bin" / "source-confluence"

# Ids are texts, so they join; times are TIMESTAMP; objects are JSON: `version ->> '$.number'`.
QUESTIONS = {
    "stale_pages": """
        -- Which spaces have pages that nobody has touched for a year?
        SELECT space.name AS space,
               count(*) FILTER (edited < current_date - INTERVAL 1 YEAR) AS stale,
               count(*) AS pages,
               max(edited)::DATE AS last_edit
        FROM (SELECT *, (version ->> '$.createdAt')::TIMESTAMP AS edited
              FROM pages WHERE status = 'current')
        JOIN space ON space.id = spaceid
        GROUP BY space.id, space.name
        ORDER BY stale DESC, space
    """,
    "most_edited_pages": """
        -- Which pages are edited most, and when were they edited last?
        SELECT pages.title, space.name AS space,
               (version ->> '$.number')::BIGINT AS versions,
               (version ->> '$.createdAt')::DATE AS last_edit,
               length(body ->> '$.storage.value') AS characters
        FROM pages JOIN space ON space.id = spaceid
        ORDER BY versions DESC, last_edit DESC, pages.id
        LIMIT 10
    """,
    "who_writes_where": """
        -- Who has written how many pages and blog posts, in which space?
        SELECT author, space.name AS space,
               count(*) FILTER (kind = 'page') AS pages,
               count(*) FILTER (kind = 'blog post') AS blog_posts
        FROM (SELECT authorid AS author, spaceid, 'page' AS kind FROM pages
              UNION ALL SELECT authorid, spaceid, 'blog post' FROM blog_posts)
        JOIN space ON space.id = spaceid
        GROUP BY author, space.id, space.name
        ORDER BY pages + blog_posts DESC, author, space
    """,
}


def main() -> None:
    """Sync, ask, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, help="settings of your site; none: a fake site")
    parser.add_argument("--folder", type=Path, default=Path("confluence"), help="for the results")
    chosen = parser.parse_args()
    if chosen.config and not chosen.config.is_file():
        parser.error(f"there is no file {chosen.config}; README.md says what goes into it")
    chosen.folder.mkdir(parents=True, exist_ok=True)

    database = chosen.folder / "confluence.duckdb"
    with settings(chosen.config) as config:
        tables = sync(config, database)

    answers = {
        name: pd.read_sql(question, tables.get_sql_engine()) for name, question in QUESTIONS.items()
    }
    for name, answer in answers.items():
        print(
            f"\n{QUESTIONS[name].strip().splitlines()[0]}\n{answer.head(10).to_string(index=False)}"
        )
        answer.to_csv(chosen.folder / f"{name}.csv", index=False)
    draw(answers["stale_pages"], chosen.folder / "stale_pages.png")
    print(f"\nThe tables, the whole answers and a chart are in {chosen.folder}/")


def sync(config: dict[str, Any], database: Path) -> ab.DuckDBCache:
    """Copy pages, blog posts and spaces into the tables of a DuckDB file."""
    source = ab.get_source(
        "source-confluence",
        config=config,
        local_executable=CONNECTOR,
        streams=["pages", "blog_posts", "space"],
    )
    source.check()
    # The tables are replaced as a whole, so pages that were deleted in Confluence go, too.
    cache = ab.DuckDBCache(db_path=database)
    source.read(cache=cache, write_strategy="replace", force_full_refresh=True)
    return cache


@contextmanager
def settings(file: Path | None) -> Iterator[dict[str, Any]]:
    """The settings in the file; without one, those of a fake site that runs meanwhile."""
    if file is not None:
        yield json.loads(file.read_text())
        return
    site = subprocess.Popen(
        [HERE / ".venv" / "bin" / "python", "-m", "fake_confluence", "--pages", "1240"],
        cwd=HERE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        started = json.loads(site.stdout.readline())
        os.environ["REQUESTS_CA_BUNDLE"] = started["ca_file"]
        yield started["config"]
    finally:
        site.terminate()
        site.wait()


def draw(spaces: pd.DataFrame, file: Path) -> None:
    """A bar for each of the twenty spaces with most stale pages."""
    most = spaces.head(20).iloc[::-1].set_index("space")
    bars = pd.DataFrame(
        {"not edited for a year": most["stale"], "edited since": most["pages"] - most["stale"]}
    )
    axes = bars.plot.barh(
        stacked=True,
        color=["#c4532d", "#2d7dc4"],
        figsize=(9, 1.5 + 0.35 * len(bars)),
        title="Stale pages by space",
        xlabel="pages",
        ylabel="",
    )
    axes.figure.savefig(file, dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    main()

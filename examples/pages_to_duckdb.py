"""Sync a Confluence site into DuckDB, and answer three questions with SQL.

    scripts/pyairbyte examples/pages_to_duckdb.py                               # a fake site
    scripts/pyairbyte examples/pages_to_duckdb.py --config secrets/config.json  # your own

How many pages are stale in each space? Which pages are edited most? Who writes where? The answers
are printed, and written to a folder as CSV files, with a chart (PNG) of the first one. The folder
also has the tables, in `confluence.duckdb`: open it with `duckdb` or pandas for your own queries.
"""

from pathlib import Path

import duckdb
import matplotlib as mpl
import pandas as pd
from running import replacing, run, settings, site
from syncing import sync

mpl.use("Agg")  # a chart in a file, no window

# Column names are in lower case, ids are strings, times are TIMESTAMP, objects are JSON:
# `version ->> '$.number'`. People are account ids; only the stream `audit` has their names.
CURRENT = """
    -- Pages and blog posts that are neither archived nor in an archived space.
    CREATE OR REPLACE VIEW current_content AS
    SELECT content.*, coalesce(space.name, '(not visible)') AS space
    FROM (SELECT 'page' AS kind, * FROM pages
          UNION ALL BY NAME SELECT 'blog post' AS kind, * FROM blog_posts) AS content
    LEFT JOIN space ON space.id = content.spaceid
    WHERE content.status = 'current' AND space.status IS DISTINCT FROM 'archived'
"""
QUESTIONS = {
    "stale_pages_by_space": """
        -- How many pages of each space has nobody edited for a year?
        SELECT space,
               count(*) FILTER (edited < current_date - INTERVAL 1 YEAR) AS stale,
               count(*) AS pages,
               round(100 * stale / pages)::INTEGER AS percent,
               max(edited)::DATE AS last_edit
        FROM (SELECT *, (version ->> '$.createdAt')::TIMESTAMP AS edited
              FROM current_content WHERE kind = 'page')
        GROUP BY spaceid, space
        ORDER BY stale DESC, space
    """,
    "most_edited_pages": """
        -- Which pages are edited most, and when were they edited last?
        SELECT title, space,
               (version ->> '$.number')::BIGINT AS versions,
               (version ->> '$.createdAt')::DATE AS last_edit,
               length(body ->> '$.storage.value') AS markup_characters,
               _links ->> '$.webui' AS link -- append it to https://<your domain>/wiki
        FROM current_content WHERE kind = 'page'
        ORDER BY versions DESC, last_edit DESC, id
        LIMIT 100
    """,
    "who_writes_where": """
        -- How many pages and blog posts has each author written, by space?
        SELECT authorid AS author, space,
               count(*) FILTER (kind = 'page') AS pages,
               count(*) FILTER (kind = 'blog post') AS blog_posts
        FROM current_content
        GROUP BY authorid, spaceid, space
        ORDER BY pages + blog_posts DESC, author, space
    """,
}
CHART = "stale_pages_by_space.png"
RESULTS = [
    "confluence.duckdb.wal",  # is not made: what DuckDB has noted beside an older file
    "confluence.duckdb",
    *(f"{name}.csv" for name in QUESTIONS),
    CHART,
]


def main() -> None:
    """Sync the site, run the queries, draw the chart."""
    config, folder = settings(__doc__)
    with replacing(folder, RESULTS) as unfinished:
        with site(config) as reachable:
            database = sync(reachable, unfinished)
        answer(database, unfinished)
    print(f"\nThe tables are in {folder}/confluence.duckdb; all rows and the chart are beside it.")


def answer(database: Path, folder: Path) -> None:
    """Run the queries; print, write and draw the answers."""
    with duckdb.connect(database) as connection:
        connection.execute(CURRENT)
        answers = {name: connection.sql(sql).df() for name, sql in QUESTIONS.items()}
    for name, rows in answers.items():
        question = QUESTIONS[name].strip().splitlines()[0].removeprefix("-- ")
        rows.to_csv(folder / f"{name}.csv", index=False)
        print(f"\n{question}\n{rows.head(10).to_string(index=False)}")
        print(f"({min(len(rows), 10)} of {len(rows)} rows; all of them: {name}.csv)")
    draw(answers["stale_pages_by_space"], folder / CHART)


def draw(spaces: pd.DataFrame, file: Path) -> None:
    """Draw a bar for each of the twenty spaces with the most stale pages."""
    most = spaces.head(20).iloc[::-1].set_index("space")
    bars = pd.DataFrame(
        {"not edited for a year": most["stale"], "edited since": most["pages"] - most["stale"]}
    ).astype(int)
    if bars.empty:
        print("There is no page, so there is no chart.")
        return
    axes = bars.plot.barh(
        stacked=True,
        color=["#c4532d", "#2d7dc4"],
        figsize=(9, 1.5 + 0.35 * len(bars)),
        title=f"Stale pages by space, on {pd.Timestamp.today():%Y-%m-%d}",
        xlabel="pages",
        ylabel="",
    )
    axes.margins(x=0.12)
    axes.bar_label(axes.containers[-1], [f"{part} %" for part in most["percent"]], padding=4)
    axes.figure.savefig(file, dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    run(main)

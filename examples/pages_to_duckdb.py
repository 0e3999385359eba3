"""Sync a Confluence site into DuckDB, and answer three questions with SQL.

    scripts/pyairbyte examples/pages_to_duckdb.py                               # a fake site
    scripts/pyairbyte examples/pages_to_duckdb.py --config secrets/config.json  # your own

How many pages are stale in each space? Which pages are edited most? Who writes where? The answers
are printed, and written to a folder as CSV files, with a chart (PNG) of the first one. The folder
also has the tables, in `confluence.duckdb`: open it with `duckdb` or pandas for your own queries.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import airbyte as ab
import matplotlib as mpl
import pandas as pd

mpl.use("Agg")  # a chart in a file, no window
ROOT = Path(__file__).resolve().parents[1]
CONNECTOR = ROOT / ".venv" / "bin" / "source-confluence"

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


def main() -> None:
    """Sync the site, run the queries, draw the chart."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, help="settings of your site; a fake site without it")
    parser.add_argument("--folder", type=Path, help="for the results; else confluence/ or demo/")
    chosen = parser.parse_args()
    folder = chosen.folder or Path("confluence" if chosen.config else "demo")
    try:
        prepare(folder)
        config = read(chosen.config) if chosen.config else None
    except (OSError, ValueError) as error:
        parser.error(str(error))
    try:
        with nullcontext(config) if config else fake_site() as settings:
            tables = sync(settings, folder)
    except ab.exceptions.PyAirbyteError as error:
        reason = (error.context or {}).get("failure_reason")
        sys.exit(reason or f"{error.get_message()} The reason is above. Its log: {error.log_file}")
    answer(tables, folder)


def prepare(folder: Path) -> None:
    """Create the folder, and let git ignore it, because it will hold whole pages."""
    if not folder.exists():
        folder.mkdir(parents=True)
        (folder / ".gitignore").write_text("*\n")
    for result in [*folder.glob("confluence.duckdb*"), *folder.glob("*_*.png")]:
        result.unlink()  # what was deleted in Confluence must not remain


def read(file: Path) -> dict[str, Any]:
    """The settings: `{"email": …, "api_token": …, "domain_name": …}`."""
    try:
        config = json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(f"{file} is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise ValueError(f"{file} holds no JSON object")  # noqa: TRY004 (the value of a file)
    return config


def sync(config: dict[str, Any], folder: Path) -> ab.DuckDBCache:
    """Copy pages, blog posts and spaces into the tables of a DuckDB file."""
    source = ab.get_source("source-confluence", config=config, local_executable=CONNECTOR)
    source.check()
    source.select_streams(["pages", "blog_posts", "space"])
    tables = ab.DuckDBCache(db_path=folder / "confluence.duckdb", cache_dir=folder / "cache")
    source.read(cache=tables)
    return tables


def answer(tables: ab.DuckDBCache, folder: Path) -> None:
    """Run the queries; print, write and draw the answers."""
    engine = tables.get_sql_engine()
    with engine.begin() as connection:
        connection.exec_driver_sql(CURRENT)
    answers = {name: pd.read_sql(question, engine) for name, question in QUESTIONS.items()}
    for name, rows in answers.items():
        question = QUESTIONS[name].strip().splitlines()[0].removeprefix("-- ")
        file = folder / f"{name}.csv"
        rows.to_csv(file, index=False)
        print(f"\n{question}\n{rows.head(10).to_string(index=False)}")
        print(f"({min(len(rows), 10)} of {len(rows)} rows; all of them: {file})")
    print(f"\nThe tables are in {folder}/confluence.duckdb")
    draw(answers["stale_pages_by_space"], folder / "stale_pages_by_space.png")


@contextmanager
def fake_site() -> Iterator[dict[str, Any]]:
    """The settings of a fake site that runs within the block."""
    site = subprocess.Popen(
        [ROOT / ".venv" / "bin" / "python", "-m", "fake_confluence", "--pages", "1240"],
        cwd=ROOT,
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
    print(f"The chart is {file}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Interrupted.")

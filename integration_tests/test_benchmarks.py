"""The benchmarks run, on a small site, and compare what reads the same; times are not judged."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import run, sketch
from benchmarks.chart import bars
from benchmarks.contenders import bare, ours, published
from benchmarks.incremental import costs
from benchmarks.limits import PATTERNS, SLOW_PATTERNS, Pattern
from benchmarks.measure import measured, site
from benchmarks.site import QuickService
from fake_confluence import Content
from source_confluence.settings.config import DEFAULT_NUM_WORKERS

ROOT = Path(__file__).parents[1]
CONTENT = {
    "pages": 260,
    "blog_posts": 30,
    "spaces": 26,
    "audit": 1_001,
    "groups": 201,
    "body_bytes": 100,
    "most_body_bytes": 200,
}


def test_each_contender_reads_the_same_site(tmp_path: Path) -> None:
    setting = {"latency": {"request_seconds": 0.001}}
    with site(CONTENT) as reached:
        contenders = [published(), bare(), ours(1), ours(8)]
        found = measured(reached, contenders, tmp_path, setting, rounds=1)
    assert [each.record_count for each in found] == [260 + 30 + 26 + 1_001 + 201] * 4
    assert found[0].of_site("requests") == (11 + 2 + 2) + (41 + 9)
    assert found[1].of_site("requests") == 2 + 1 + 1 + 2 + 2
    assert found[2].of_site("requests") == 2 + 1 + 1 + 4 + 4 + 4
    assert found[3].of_site("requests") == 2 * 2 + 2 * 1 + 1 + 4 + 4 + 4
    for each in found:
        assert each.of_run("peak_mb") > 10
        assert each.of_run("wall_seconds") > 0
        assert each.of_run("cpu_seconds") > 0


@pytest.mark.parametrize("pattern", [*PATTERNS, *SLOW_PATTERNS], ids=lambda pattern: pattern.name)
def test_each_way_to_refuse_is_one_that_the_site_knows(pattern: Pattern) -> None:
    service = QuickService(Content(pages=3))
    service.set_up(json.loads(json.dumps(pattern.setting)))
    assert service.report()["requests"] == 0
    if pattern.ideal_seconds:
        assert 0 < pattern.ideal_seconds(100) < pattern.ideal_seconds(200)


def test_a_site_with_a_limit_refuses(tmp_path: Path) -> None:
    content = {**CONTENT, "pages": 1_250}
    with site(content) as reached:
        [found] = measured(reached, [ours(8)], tmp_path, {"limiter": {"per_second": 8}}, rounds=1)
    assert found.of_site("refused") > 0
    assert found.record_count == 1_250 + 30 + 26 + 1_001 + 201


def test_a_contender_that_misses_a_row_ends_the_benchmark(tmp_path: Path) -> None:
    with site(CONTENT) as reached:
        reached.rows["pages"] += 1
        with pytest.raises(SystemExit, match="a bare loop, without the CDK has read"):
            measured(reached, [bare()], tmp_path, {}, rounds=1)


def test_the_picture_is_one() -> None:
    picture = ET.fromstring(bars("50 ms & more", [("a <loop>", 15.2), ("ours", 1)], "s"))  # noqa: S314
    widths = [
        float(bar.attrib["width"]) for bar in picture.iter("{http://www.w3.org/2000/svg}rect")
    ]
    assert widths[1] == pytest.approx(15.2 * widths[2], rel=0.01)


@pytest.mark.parametrize("part", run.PARTS)
def test_the_readme_has_a_table_of_each_part(part: str) -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text()
    [table] = re.findall(f"<!-- {part} -->\n(.*?)<!-- end of {part} -->", text, re.DOTALL)
    row = f"| ours, {DEFAULT_NUM_WORKERS} workers | " if "limit" not in part else "| 5/s | "
    assert f"\n{row}" in table


def test_incremental_reads_cost_what_has_changed() -> None:
    found = [cost for _, cost in costs(1_500, seed=1)]
    lists, questions = 6, 1 + 1  # which row is the newest, and who we are
    census = lists + questions
    assert [each.records for each in found][:5] == [1_500, 10, 0, 10, 0]
    assert [each.requests for each in found][1:5] == [5, 4, census + 1, census]
    assert (found[5].records, found[5].requests) == (15, census + 1)
    assert max(each.last for each in found) <= 100_000
    assert max(each.largest for each in found) <= 200_000


def test_the_sketch_is_measured_by_load_and_by_rows() -> None:
    heading, _, *rows = sketch.decoding(trials=2, seed=14).splitlines()
    assert heading == "| differences a cell | in 300 cells | in 3,000 cells |"
    assert [row[2:6] for row in rows] == [f"{load:.2f}" for load in sketch.LOADS]
    assert rows[0] == "| 0.30 | 90: always | 900: always |"
    assert rows[-1] == "| 0.95 | 285: never | 2,850: never |"
    [none, some] = sketch.costs(14, [0, 1_000]).splitlines()[2:]
    assert none.startswith("| 0 | ")
    assert re.search(r"^\| 1,000 \| .* \| [\d,]+ characters \|$", some)


def test_what_the_sketch_promises_was_measured() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text()
    [table] = re.findall(r"<!-- sketch -->\n(.*?)<!-- end of sketch -->", text, re.DOTALL)
    assert re.search(r"^\| 0\.70 \| .* \| 2,100: always \|$", table, re.MULTILINE)

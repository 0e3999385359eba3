"""The fake site gives bodies in both formats that the lists of Confluence have."""

import json
from pathlib import Path

import pytest

from fake_confluence import Content, Service
from fake_confluence.bodies import atlas_document
from unit_tests.recordings import recording
from unit_tests.replies import PAGES, ask, rows_of
from unit_tests.streams_under_test import PREFETCHED, sizes

CONTENT = Content(**sizes(dict.fromkeys(PREFETCHED, 14)))


@pytest.mark.parametrize("stream", PREFETCHED)
def test_each_format_has_its_own_field(stream: str) -> None:
    service = Service(CONTENT)
    for body_format in ("storage", "atlas_doc_format"):
        rows = rows_of(service, stream, body_format=body_format)
        assert len(rows) == 14
        for row in rows:
            [(name, body)] = row["body"].items()
            assert (name, body["representation"]) == (body_format, body_format)
    assert ask(service, stream, body_format="view").status == 400


def test_an_atlassian_document_is_json_as_text(api_notes: Path) -> None:
    recorded = recording(api_notes, "v2_pages_id.adf.200")["body"]["body"]["atlas_doc_format"]
    [ours] = rows_of(Service(Content(**sizes({PAGES: 1}))), PAGES, body_format="atlas_doc_format")
    made_up = ours["body"]["atlas_doc_format"]
    assert set(made_up) == set(recorded)
    real, document = json.loads(recorded["value"]), json.loads(made_up["value"])
    assert {k: type(v) for k, v in document.items()} == {k: type(v) for k, v in real.items()}
    assert document["content"]


def test_an_atlassian_document_has_the_text_of_the_body() -> None:
    storage = (
        "<h2>Hosts</h2><table><tbody><tr><td><p>db-1 &amp; more</p></td></tr></tbody></table>"
        '<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[a < b <> c;]]>'
        "</ac:plain-text-body></ac:structured-macro><p></p><p>End</p>"
    )
    content = json.loads(atlas_document(storage))["content"]
    assert {part["type"] for part in content} == {"paragraph"}
    texts = [part["content"][0]["text"] for part in content]
    assert texts == ["Hosts", "db-1 & more", "a < b <> c;", "End"]

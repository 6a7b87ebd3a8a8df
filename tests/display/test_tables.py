"""Tables: the same rows as HTML, text and DataFrame."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from lib.display.tables import make_table

ROWS = [{"table_name": "ideas", "rows": 1204, "result": "pass"}, {"table_name": "<b>", "rows": None, "result": "error"}]


def test_text_is_aligned_numbers_to_the_right() -> None:
    assert (
        repr(make_table(ROWS, "Tables")) == "Tables\ntable name   rows  result\nideas       1,204  pass\n<b>             —  error"
    )


def test_html_has_caption_and_scopes_and_escapes() -> None:
    html = ET.fromstring(make_table(ROWS, "Tables & rows")._repr_mimebundle_()["text/html"])
    assert html.findtext("caption") == "Tables & rows"
    assert [(cell.get("scope"), cell.text) for cell in html.iter("th")] == [
        ("col", "table name"),
        ("col", "rows"),
        ("col", "result"),
        ("row", "ideas"),
        ("row", "<b>"),
    ]
    assert [cell.text for cell in html.iter("span")] == ["✓ passed", "? not determined"]


def test_rest_is_counted_and_its_place_named() -> None:
    table = make_table(ROWS * 40, "Many", limit=10, artifact="artifacts/seed/rows.json")
    bundle = table._repr_mimebundle_()
    assert bundle["text/plain"].endswith("and 70 more rows; the whole is in artifacts/seed/rows.json")
    assert bundle["text/html"].count("<tr>") == 1 + 10 + 1


def test_empty_table_says_so() -> None:
    bundle = make_table([], "None")._repr_mimebundle_()
    assert bundle["text/plain"] == "None\nnothing was found"
    assert ET.fromstring(bundle["text/html"]).findtext("tbody/tr/td") == "nothing was found"


def test_rows_with_different_keys_still_fit() -> None:
    assert make_table([{"a": 1}, {"b": "x"}], "Mixed").columns == ["a", "b"]
    assert "—" in repr(make_table([{"a": 1}, {"b": "x"}], "Mixed"))


def test_frame_holds_every_row() -> None:
    frame = make_table(ROWS * 40, "Many", limit=1).frame
    assert frame.shape == (80, 3) and list(frame.columns) == ["table_name", "rows", "result"]


def test_secrets_are_struck_from_values_headings_and_caption() -> None:
    text = "postgresql://postgres:hunter2-hunter2@db.example.com/x"
    bundle = make_table([{text: text}], text)._repr_mimebundle_()
    assert "hunter2" not in bundle["text/html"] + bundle["text/plain"]

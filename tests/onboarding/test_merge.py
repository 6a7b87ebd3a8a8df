"""A person's lines survive every run; what nobody confirmed follows what is seen; nothing changes when nothing changed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.core.errors import ParamsError
from lib.core.plain_yaml import load_yaml
from lib.onboarding.layout import read_layout
from lib.onboarding.merge import Merged, merge_document
from lib.onboarding.observed import Finding
from lib.onboarding.wanted import Wanted
from lib.onboarding.yaml_text import MARK, Line, to_data

DAY, LATER = "2026-11-26", "2026-11-30"
ROW = {"select": "deny", "insert": "deny"}
NAMES = st.sampled_from(["public.a", 'public."B: c"', "public.d#e", "x.é", "1", "yes", "public.f g"])


def wanted(*lines: Line, questions: tuple[Finding, ...] = (), unseen: tuple[tuple[str, ...], ...] = ()) -> Wanted:
    return Wanted(name="x", lines=(Line(path=("name",), value="x", is_sure=True), *lines), questions=questions, unseen=unseen)


def row(table: str, role: str = "anon", **verbs: str) -> Line:
    return Line(path=("rls", "matrix", table, role), value={**ROW, **verbs})


def merge(text: str | None, wish: Wanted, day: str = LATER) -> Merged:
    return merge_document(text, wish, day=day, file="launch/project.yaml")


def confirm_all(text: str) -> str:
    return "\n".join(MARK.sub("", line).rstrip() for line in text.split("\n"))


@st.composite
def wishes(draw: st.DrawFn) -> Wanted:
    cells = draw(st.lists(st.tuples(NAMES, st.sampled_from(["anon", "auth"]), st.sampled_from(["deny", "own"])), max_size=6))
    counts = draw(st.dictionaries(NAMES, st.integers(0, 9), max_size=4))
    scopes = draw(st.dictionaries(NAMES, st.sampled_from(["a = :uid", "b # c", 'x = "y"']), max_size=3))
    lines = [Line(path=("seed", "expected_counts", name), value=rows) for name, rows in counts.items()]
    lines += [Line(path=("rls", "scopes", table, "own"), value=said) for table, said in scopes.items()]
    lines += [] if scopes else [Line(path=("rls", "scopes"), value={}, is_sure=True)]
    lines += {(table, role): row(table, role, select=verb) for table, role, verb in cells}.values()
    asked = draw(st.lists(st.sampled_from(["Is it?", "Why: x # y"]), unique=True))
    return wanted(*lines, questions=tuple(Finding(danger=True, place="public.a", question=one) for one in asked))


@given(wishes())
@settings(max_examples=60, deadline=None)
def test_a_new_file_says_what_is_wanted_and_a_second_run_changes_nothing(wish: Wanted) -> None:
    text = merge(None, wish, DAY).text
    assert load_yaml(text) == to_data(wish.lines)
    assert merge(text, wish) == Merged(text=text)


@given(wishes())
@settings(max_examples=60, deadline=None)
def test_once_all_is_confirmed_no_unconfirmed_line_comes_back(wish: Wanted) -> None:
    text = confirm_all(merge(None, wish, DAY).text)
    assert merge(text, wish) == Merged(text=text)


@given(wishes(), wishes())
@settings(max_examples=150, deadline=None)
def test_what_nobody_confirmed_follows_what_is_seen(before: Wanted, after: Wanted) -> None:
    text = merge(merge(None, before, DAY).text, after).text
    assert load_yaml(text) == {**{"rls": {"scopes": {}}}, **to_data(after.lines)}
    assert merge(text, after).text == text


@given(wishes(), wishes())
@settings(max_examples=150, deadline=None)
def test_a_persons_lines_are_never_changed(before: Wanted, after: Wanted) -> None:
    text = confirm_all(merge(None, before, DAY).text)
    merged = merge(text, after).text
    kept = merged.split("\n")
    assert all(line in kept for line in text.split("\n") if ": {}" not in line)
    assert merge(merged, after).text == merged


def test_a_confirmed_line_that_differs_is_told_and_left() -> None:
    text = confirm_all(merge(None, wanted(row("public.a")), DAY).text)
    merged = merge(text, wanted(row("public.a", select="own")))
    assert merged.text == text
    assert merged.differences == (
        "launch/project.yaml:11: rls.matrix.public.a.anon is {select: deny, insert: deny} there; "
        "today it looks like {select: own, insert: deny}.",
    )


def test_a_confirmed_row_of_a_table_that_is_no_more_is_told_and_left() -> None:
    text = confirm_all(merge(None, wanted(row("public.a"), row("public.b")), DAY).text)
    merged = merge(text, wanted(row("public.a")))
    assert merged.text == text
    assert [one.partition(": ")[2] for one in merged.differences] == [
        "rls.matrix.public.b.anon is said there, and was not seen today."
    ]


def test_what_could_not_be_looked_at_is_not_out_of_date() -> None:
    text = merge(None, wanted(row("public.a")), DAY).text
    assert merge(text, wanted(unseen=(("rls",),))) == Merged(text=text)
    assert "public.a" not in merge(text, wanted()).text


def test_hand_written_lines_comments_and_sections_stay() -> None:
    text = merge(None, wanted(row("public.a")), DAY).text
    mine = text.replace("rls:\n", "health: {p95_limit_ms: 400}   # ours\nrls:\n  # as agreed\n  statement_timeout_s: 3\n")
    merged = merge(mine, wanted(row("public.a", select="own"), row("public.b"))).text
    assert "health: {p95_limit_ms: 400}   # ours\n" in merged and "  # as agreed\n  statement_timeout_s: 3\n" in merged
    assert load_yaml(merged)["rls"]["matrix"] == {"public.a": {"anon": {**ROW, "select": "own"}}, "public.b": {"anon": ROW}}


@pytest.mark.parametrize(
    "matrix",
    [
        "matrix: {public.a: {anon: {select: deny, insert: deny}}}",
        "matrix:\n    public.a:\n      anon:\n        select: deny\n        insert: deny",
        "matrix:\n    public.a: {anon: {insert: deny,\n      select: deny}}",
    ],
)
def test_a_row_in_another_shape_speaks_for_itself(matrix: str) -> None:
    text = f"name: x\nrls:\n  {matrix}\n"
    assert merge(text, wanted(row("public.a"))) == Merged(text=text)
    merged = merge(text, wanted(row("public.a", select="own")))
    assert merged.text == text and len(merged.differences) == 1


def test_an_empty_mapping_is_opened_and_closed_again() -> None:
    empty = Line(path=("rls", "scopes"), value={}, is_sure=True)
    scope = Line(path=("rls", "scopes", "public.a", "own"), value="id = :uid")
    closed = merge(None, wanted(empty), DAY).text
    opened = merge(closed, wanted(scope)).text
    assert load_yaml(opened)["rls"] == {"scopes": {"public.a": {"own": "id = :uid"}}}
    assert merge(opened, wanted(empty)).text == closed


def test_scopes_and_identities_that_a_confirmed_row_needs_stay() -> None:
    scope = Line(path=("rls", "scopes", "public.a", "mine"), value="id = :uid")
    person = Line(path=("rls", "identities", "ann"), value={"role": "anon"})
    text = merge(None, wanted(scope, person, row("public.a", select="mine")), DAY).text
    mine = re.sub(r"(anon: \{select.*\})  # observed.*", r"\1", text)
    assert {"mine", "ann"} <= set(re.findall(r"\w+", merge(mine, wanted(row("public.a", select="own"))).text))


def test_an_answered_question_is_not_asked_again_and_one_that_is_no_more_goes() -> None:
    finding = Finding(danger=True, place="public.a", question="anon may write: is that meant?")
    text = merge(None, wanted(questions=(finding,)), DAY).text
    line = "# DANGER? public.a: anon may write: is that meant?"
    assert f"{line}  # observed {DAY}, unconfirmed\n" in text
    answered = text.replace(f"{line}  # observed {DAY}, unconfirmed", f"{line} Seen and accepted.")
    assert merge(answered, wanted(questions=(finding,))).text == answered
    assert line not in merge(text, wanted()).text
    assert line in merge(text, wanted(unseen=(("rls",),))).text
    assert line in merge(answered, wanted()).text


def test_a_file_with_windows_line_ends_keeps_them() -> None:
    text = merge(None, wanted(row("public.a")), DAY).text.replace("\n", "\r\n")
    merged = merge(text, wanted(row("public.b"))).text
    assert merged.count("\n") == merged.count("\r\n") > 5
    assert "public.b" in merged


@pytest.mark.parametrize("text", ["a: b: c", "- a list", "{name: x}", "just text", "name: x\nname: y"])
def test_what_is_no_list_of_sections_is_refused(text: str) -> None:
    with pytest.raises(ParamsError, match=r"launch/project\.yaml .*Fix: "):
        merge(text, wanted(row("public.a")))


def test_a_document_that_only_has_comments_is_filled() -> None:
    merged: Any = load_yaml(merge("# mine\n", wanted(row("public.a"))).text)
    assert merged == to_data(wanted(row("public.a")).lines)


@given(wishes(), wishes(), st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_a_person_made_of_the_file_is_brought_on_or_refused_in_a_sentence(
    before: Wanted, after: Wanted, data: st.DataObject
) -> None:
    text = merge(None, before, DAY).text
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 12))
    put = data.draw(
        st.sampled_from(
            ["", "\n", "  ", "#", "&t ", "*t", "<<: *t\n", "- ", "{", "}", ": ", "...", "|\n", "'", "\t", "k: v\n", "é"]
        )
    )
    changed = text[:at] + put + text[at + cut :]
    try:
        merged = merge(changed, after)
    except ParamsError as exc:
        assert "Fix: " in str(exc)
        return
    assert merge(merged.text, after).text == merged.text
    kept = read_layout(merged.text).entries
    for entry in read_layout(changed).leaves():
        if not entry.is_marked and entry.value not in ({}, None):
            assert kept[entry.path].value == entry.value


@pytest.mark.parametrize(
    "text",
    [
        "name: x\nrls:\n  matrix:\n    public.a: &t\n      <<: *t\n",
        "name: x\nrls:\n  matrix: &t\n    public.z: *t\n",
        f"name: x\nrls:\n  matrix:\n    public.z: &t\n      anon: {{a: b}}  # observed {DAY}, unconfirmed\n    public.y: *t\n",
    ],
)
def test_anchors_that_cannot_stay_are_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ParamsError, match="Fix: "):
        merge(text, wanted(row("public.a")))


def test_keys_that_are_no_text_keep_what_holds_them() -> None:
    text = f"name: x\nrls:\n  matrix:\n    1: 2\n    public.z:\n      anon: {{a: b}}  # observed {DAY}, unconfirmed\n"
    assert load_yaml(merge(text, wanted(row("public.a"))).text)["rls"]["matrix"] == {1: 2, "public.a": {"anon": ROW}}

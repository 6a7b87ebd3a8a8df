"""Slack and Teams get what their documents ask for, whatever is said; anything else gets plain JSON, as before."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.clients.chat import ChatMessage, choose_format, format_message

HOSTILE = "<!channel> <@U123> <https://evil.example|click> & *bold* [x](javascript:alert(1)) <at>all</at> `x`"


def message(
    *parts: str, subject: str = "[staging] Chatwoot failing", evidence: str = "https://ci.example/run/7?a=1&b=2"
) -> ChatMessage:
    facts = {"text": "as before", "environment": "staging", "failing": ["chatwoot"]}
    return ChatMessage(subject=subject, parts=parts, evidence=evidence, facts=facts)


def check_slack(body: dict[str, Any]) -> None:
    """Hold a message to Slack's reference of blocks. Source: docs.slack.dev/reference/block-kit/blocks."""
    assert 0 < len(body["text"]) <= 4_000 and 1 <= len(body["blocks"]) <= 50
    for block in body["blocks"]:
        text = block["text"]
        if block["type"] == "header":
            assert text["type"] == "plain_text" and 0 < len(text["text"]) <= 150
            continue
        assert block["type"] == "section" and text["type"] == "mrkdwn" and 0 < len(text["text"]) <= 3_000
        rest = re.sub(r"<https?://[^<>|]+\|Evidence>", "", text["text"])
        assert "<" not in rest and ">" not in rest, "a link, mention or channel of somebody else's"
        assert not re.search(r"&(?!amp;|lt;|gt;)", rest), "an escape was cut in half"


def check_teams(body: dict[str, Any]) -> dict[str, Any]:
    """Hold a message to what Teams' workflows take. Source: learn.microsoft.com, "Create incoming webhooks with Workflows"."""
    assert len(json.dumps(body, ensure_ascii=False).encode()) < 28_000
    assert body["type"] == "message"
    [attachment] = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = dict(attachment["content"])
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4") and card["body"]
    assert "entities" not in card["msteams"], "nobody is mentioned"
    for block in card["body"]:
        assert block["type"] == "RichTextBlock"  # since 1.2; its runs are no Markdown
        assert all(run["type"] == "TextRun" and run["text"] for run in block["inlines"])
    for action in card["actions"]:
        assert action["type"] == "Action.OpenUrl" and re.fullmatch(r"https?://\S+", action["url"])
    return card


TEXTS = st.lists(st.text(min_size=1) | st.just(HOSTILE) | st.just("&<>" * 1_100) | st.just("line\n" * 700), max_size=5)


@given(
    parts=TEXTS,
    subject=st.text(min_size=1, max_size=400).filter(str.strip),
    evidence=st.text(min_size=1) | st.just("https://ci.example/7"),
)
def test_whatever_is_said_fits_and_does_nothing(parts: list[str], subject: str, evidence: str) -> None:
    said = message(*parts, subject=subject, evidence=evidence)
    check_slack(format_message(said, "slack"))
    check_teams(format_message(said, "teams"))


def test_slack_shows_every_paragraph_and_a_link_to_the_evidence() -> None:
    body = format_message(message("Chatwoot fails since noon:\n- it answers: failed", "Mail recovered."), "slack")
    texts = [block["text"]["text"] for block in body["blocks"]]
    assert texts == [
        "[staging] Chatwoot failing",
        "Chatwoot fails since noon:\n- it answers: failed",
        "Mail recovered.",
        "<https://ci.example/run/7?a=1&amp;b=2|Evidence>",
    ]
    assert body["text"].startswith("[staging] Chatwoot failing") and body["unfurl_links"] is False


def test_a_long_paragraph_is_cut_between_lines_and_loses_nothing() -> None:
    lines = [f"- check {number}: {'x' * 80}" for number in range(200)]
    body = format_message(message("\n".join(lines)), "slack")
    check_slack(body)
    shown = "\n".join(block["text"]["text"] for block in body["blocks"][1:-1])
    assert shown.split("\n") == lines


def test_more_than_fifty_blocks_are_cut_and_it_is_said() -> None:
    body = format_message(message(*[f"part {number}" for number in range(80)]), "slack")
    check_slack(body)
    assert len(body["blocks"]) == 50 and body["blocks"][-2]["text"]["text"] == "And more: see the evidence."


def test_teams_shows_every_line_and_a_button() -> None:
    card = check_teams(format_message(message("one\ntwo", "three"), "teams"))
    assert [block["inlines"][0]["text"] for block in card["body"]] == ["[staging] Chatwoot failing", "one", "two", "three"]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Evidence", "url": "https://ci.example/run/7?a=1&b=2"}]


def test_evidence_that_is_no_address_is_a_line() -> None:
    said = message("one", evidence="file:///work/rendered/x")
    assert format_message(said, "slack")["blocks"][-1]["text"]["text"] == "Evidence: file:///work/rendered/x"
    card = check_teams(format_message(said, "teams"))
    assert card["body"][-1]["inlines"][0]["text"] == "Evidence: file:///work/rendered/x" and card["actions"] == []


def test_a_card_that_is_too_large_is_cut_and_it_is_said() -> None:
    card = check_teams(format_message(message(*["日本" * 900] * 40), "teams"))
    assert card["body"][-1]["inlines"][0]["text"] == "And more: see the evidence." and len(card["body"]) > 3


def test_any_other_service_gets_the_facts_as_before() -> None:
    assert format_message(message("one"), "json") == {"text": "as before", "environment": "staging", "failing": ["chatwoot"]}


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://hooks.slack.com/services/T/B/x", "slack"),
        ("https://HOOKS.slack.com./services/T/B/x", "slack"),
        ("https://acme.webhook.office.com/webhookb2/x", "teams"),
        ("https://prod-7.westeurope.logic.azure.com:443/workflows/x", "teams"),
        ("https://x.environment.api.powerplatform.com:443/powerautomate/y", "teams"),
        ("https://hooks.slack.com.evil.example/x", "json"),
        ("https://chat.example/hooks/x", "json"),
        ("https://notlogic.azure.com/x", "json"),
        ("http://[", "json"),
    ],
)
def test_a_host_is_known_and_a_setting_counts_before_it(url: str, kind: str) -> None:
    assert choose_format("auto", url) == kind
    assert choose_format("teams", url) == "teams" and choose_format("json", url) == "json"

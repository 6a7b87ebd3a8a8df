"""A notification as chat services take it: Slack's blocks, Teams' adaptive card, or plain JSON for anything else. Pure.

Sources: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
https://docs.slack.dev/reference/block-kit/blocks (3,000 characters a section, 150 a header, 50 blocks),
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using (28 KB a message),
https://learn.microsoft.com/connectors/teams/#microsoft-teams-webhook (attachments with adaptive cards).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

Format = Literal["auto", "json", "slack", "teams"]
SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
TEAMS_HOSTS = (".webhook.office.com", ".logic.azure.com", ".logic.azure.us", ".powerplatform.com", ".powerautomate.com")
"""Ends of the hosts that Teams' connectors and workflows are asked at."""
LONGEST_HEADER = 150
LONGEST_SECTION = 3_000
LONGEST_FALLBACK = 3_000
MOST_BLOCKS = 50
LARGEST_CARD_BYTES = 28_000
"""Of the whole message: a little less than the 28 KB that Teams takes, whichever kilobyte is meant."""
LONGEST_RUN = 2_000
"""Characters of one line of a card."""
LINK = re.compile(r"https?://[^\s<>|\"\\^`{}]{1,1000}")
"""An address that may stand in a link as it is."""
MORE = "And more: see the evidence."


@dataclass(frozen=True, kw_only=True)
class ChatMessage:
    """What is to be said. subject: one line. parts: paragraphs of one or more lines. evidence: an address, or a path.

    facts: the same as plain JSON; its `text` is what services that speak like Slack show.
    """

    subject: str
    parts: Sequence[str]
    evidence: str
    facts: Mapping[str, Any]

    @property
    def text(self) -> str:
        return "\n\n".join([self.subject, *self.parts]) + "\n"


def choose_format(asked: Format, url: str) -> Format:
    """Return the format that a webhook is spoken to in: the one asked for, else the one that its host takes."""
    if asked != "auto":
        return asked
    try:
        host = (urlsplit(url).hostname or "").lower().rstrip(".")
    except ValueError:
        return "json"
    if host in SLACK_HOSTS:
        return "slack"
    return "teams" if host.endswith(TEAMS_HOSTS) else "json"


def format_message(message: ChatMessage, kind: Format) -> dict[str, Any]:
    """Return the body to post, plain JSON."""
    match kind:
        case "slack":
            return as_slack(message)
        case "teams":
            return as_teams(message)
        case _:
            return {**message.facts}


def as_slack(message: ChatMessage) -> dict[str, Any]:
    """Return a message of Slack's: a header, a section a paragraph, the evidence; `text` is what notifications show."""
    header = {"type": "header", "text": {"type": "plain_text", "text": cut(message.subject, LONGEST_HEADER), "emoji": False}}
    sections = [as_section(one) for part in message.parts for one in pieces(part, LONGEST_SECTION)]
    evidence = as_section(slack_link(message.evidence))
    room = MOST_BLOCKS - 2
    kept = sections if len(sections) <= room else [*sections[: room - 1], as_section(MORE)]
    return {
        "text": escape(cut(message.text.strip(), LONGEST_FALLBACK // 5)),
        "blocks": [header, *kept, evidence],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def as_section(text: str) -> dict[str, Any]:
    """Return a block of text that is escaped already."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def escape(text: str) -> str:
    """Return a text in which Slack finds no link, mention or channel. Source: docs.slack.dev, "Formatting message text"."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def slack_link(evidence: str) -> str:
    """Return where the evidence is, as a link when it is an address."""
    if LINK.fullmatch(evidence):
        return f"<{evidence.replace('&', '&amp;')}|Evidence>"
    return escape(cut(f"Evidence: {evidence}", LONGEST_SECTION // 5))


def pieces(text: str, most: int) -> Iterator[str]:
    """Yield a text, escaped, in pieces of at most `most` characters, cut between lines; inside one only where it is longer."""
    piece = ""
    for line in text.split("\n"):
        for part in split_line(line, most):
            joined = f"{piece}\n{part}" if piece else part
            if len(joined) > most:
                yield piece
                joined = part
            piece = joined
    if piece.strip():
        yield piece


def split_line(line: str, most: int) -> Iterator[str]:
    """Yield a line, escaped, in parts of at most `most` characters: never inside an escape."""
    part = ""
    for char in line:
        escaped = escape(char)
        if len(part) + len(escaped) > most:
            yield part
            part = ""
        part += escaped
    yield part


def cut(text: str, most: int) -> str:
    """Return the beginning of a text, marked where it was cut."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def as_teams(message: ChatMessage) -> dict[str, Any]:
    """Return a message with an adaptive card; its lines are runs, in which no Markdown and no mention is found."""
    head = run_of(cut(message.subject, LONGEST_HEADER), weight="Bolder", size="Medium")
    lines = [(line, place == 0) for part in message.parts for place, line in enumerate(part.split("\n"))]
    body = [head, *(run_of(cut(line, LONGEST_RUN) or " ", separator=begins) for line, begins in lines)]
    is_link = LINK.fullmatch(message.evidence) is not None
    if not is_link:
        body.append(run_of(cut(f"Evidence: {message.evidence}", LONGEST_RUN), separator=True))
    actions = [{"type": "Action.OpenUrl", "title": "Evidence", "url": message.evidence}] if is_link else []
    card = as_card(body, actions)
    while size_of(card) > LARGEST_CARD_BYTES and len(body) > 2:
        body = [*body[: max(1, len(body) * 9 // 10 - 1)], run_of(MORE)]
        card = as_card(body, actions)
    return card


def run_of(text: str, *, separator: bool = False, **looks: str) -> dict[str, Any]:
    """Return one line of a card, as plain text. looks: of its letters."""
    return {"type": "RichTextBlock", "separator": separator, "inlines": [{"type": "TextRun", "text": text, **looks}]}


def as_card(body: Sequence[Mapping[str, Any]], actions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the message that carries a card."""
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": list(body),
        "actions": list(actions),
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": content}]}


def size_of(body: Mapping[str, Any]) -> int:
    """Return the bytes of a message, at most."""
    return len(json.dumps(body))

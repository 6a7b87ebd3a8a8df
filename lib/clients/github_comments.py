"""One comment on a pull request that is written once and then kept up to date.

Source: https://docs.github.com/en/rest/issues/comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from lib.clients.github import GitHub
from lib.core.errors import TargetError
from lib.core.plain_json import as_list, as_object
from lib.transport.web import ask
from lib.transport.web_types import Answer, Question, read_json

PER_PAGE = 30
MOST_PAGES = 100
MAX_BODY_BYTES = 12_000_000
"""Of one page: a comment has 65,536 characters, some of them written as six."""
LONGEST_BODY = 65_000
"""Characters; GitHub takes 65,536 and refuses more."""
CUT = "\n\n(cut: the whole is in the run's summary)\n"
REFUSED = frozenset({401, 403, 404})
"""Answers to a token that may not do this: GitHub says 404 of what a token may not even see."""


class CommentRefusedError(TargetError):
    """The token may not comment there."""


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request of the repository that `github` opens. number: its own."""

    github: GitHub
    number: int

    @property
    def comments(self) -> str:
        """The path of its comments: to GitHub every pull request is an issue."""
        return f"{self.repository}/issues/{self.number}/comments"

    @property
    def repository(self) -> str:
        return f"/repos/{'/'.join(quote(part, safe='') for part in self.github.repository.split('/'))}"


def mark_of(*names: str) -> str:
    """Return the line by which our comment is known again: invisible on the page, one for each of what it is about."""
    said = " ".join(re.sub(r"[^A-Za-z0-9._]+", "-", name) for name in names)
    return f"<!-- launch-readiness: {said} -->"


def write_comment(pull: PullRequest, mark: str, text: str) -> str:
    """Bring our one comment up to date and return what was done: created, updated or unchanged.

    Raises CommentRefusedError when the token may not, TargetError when GitHub answers in another way than it documents.
    """
    room = LONGEST_BODY - len(mark) - len(CUT) - 1
    body = f"{mark}\n{text if len(text) <= room else text[:room].rsplit(chr(10), 1)[0] + CUT}"
    ours = next((one for one in list_comments(pull) if is_ours(one, mark)), None)
    if ours is None:
        send(pull, "POST", pull.comments, body)
        return "created"
    if str(ours["body"]).replace("\r\n", "\n").strip() == body.strip():
        return "unchanged"
    send(pull, "PATCH", f"{pull.repository}/issues/comments/{int(ours['id'])}", body)
    return "updated"


def is_ours(comment: dict[str, Any], mark: str) -> bool:
    """Return whether a comment is the one that we write: a program's, since anybody may write our mark into their own."""
    author = comment.get("user")
    is_program = isinstance(author, dict) and author.get("type") == "Bot"
    return is_program and str(comment.get("body") or "").startswith(mark) and isinstance(comment.get("id"), int)


def list_comments(pull: PullRequest) -> Iterator[dict[str, Any]]:
    """Yield every comment of the pull request, the oldest first."""
    for page in range(1, MOST_PAGES + 1):
        question = Question(name="comments", path=f"{pull.comments}?per_page={PER_PAGE}&page={page}")
        site = pull.github.site
        [answer] = ask(replace(site, retry=replace(site.retry, max_body_bytes=MAX_BODY_BYTES)), [question], concurrency=1)
        require_taken(answer, "read the comments")
        try:
            found = [as_object(one) for one in as_list(read_json(answer.body))]
        except ValueError as exc:
            raise TargetError(f"GitHub's list of comments can't be read: {exc}.", fix="Try again.") from exc
        yield from found
        if len(found) < PER_PAGE:
            return


def send(pull: PullRequest, method: str, path: str, body: str) -> None:
    """Write a comment, once: a second try could write a second one."""
    site = pull.github.site
    question = Question(name="comment", path=path, method=method, json={"body": body})
    [answer] = ask(replace(site, retry=replace(site.retry, attempts=1)), [question], concurrency=1)
    require_taken(answer, "write the comment")


def require_taken(answer: Answer, doing: str) -> None:
    """Raise when GitHub did not do what it was asked for."""
    if answer.is_whole:
        return
    if answer.status in REFUSED:
        fix = "Give the job `pull-requests: write`; a pull request from a fork has no such token."
        raise CommentRefusedError(f"The token may not {doing} (HTTP {answer.status}).", fix=fix)
    why = answer.failure.value if answer.failure else f"HTTP {answer.status}"
    raise TargetError(f"GitHub did not {doing}: {why}.", fix="Try again; https://www.githubstatus.com says whether it is ill.")

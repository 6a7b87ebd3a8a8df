"""`python -m lib comment`: a run's summary as the one comment of a pull request, from within GitHub Actions."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lib.clients.github import GitHub
from lib.clients.github_comments import CommentRefusedError, PullRequest, mark_of, write_comment
from lib.core.errors import ParamsError
from lib.core.plain_json import load_json
from lib.core.redact import register_secrets
from lib.core.visible import say, whole_text
from lib.run.params import with_variables

TIMEOUT_S = 20
API = "https://api.github.com"


def comment(summary: Path, *, about: str = "", variables: Mapping[str, str] | None = None) -> int:
    """Write or update the comment, and return 0; where the token may not, that is said and no failure.

    summary: the Markdown to show. about: what tells this comment from others of the same pull request.
    Raises ParamsError when this is no pull request's job, TargetError when GitHub is ill.
    """
    values = with_variables({}) if variables is None else variables
    text = read_summary(summary)
    event = read_event(values.get("GITHUB_EVENT_PATH", ""))
    repository, token = values.get("GITHUB_REPOSITORY", ""), values.get("GITHUB_TOKEN", "")
    if reason := why_not(event, repository, token):
        say(f"No comment was written: {reason}.")
        return 0
    register_secrets([token])
    api = values.get("GITHUB_API_URL", "") or API
    github = GitHub(url=api, repository=repository, timeout_s=TIMEOUT_S, token=token)
    pull = PullRequest(github=github, number=event["pull_request"]["number"])
    try:
        done = write_comment(pull, mark_of(*about.split()), text)
    except CommentRefusedError as exc:
        say(f"No comment was written. {exc}", to=sys.stderr)
        return 0
    say(f"The comment on pull request {pull.number} was {done}." if done != "unchanged" else "The comment says the same already.")
    return 0


def read_summary(path: Path) -> str:
    """Return what is to be shown. Raises ParamsError when there is nothing."""
    try:
        text = whole_text(path.read_text(encoding="utf-8", errors="replace")).strip()
    except OSError as exc:
        raise ParamsError(f"{path} can't be read: {exc.strerror}. Fix: Name the summary.md of a run's folder.") from exc
    if not text:
        raise ParamsError(f"{path} is empty. Fix: Name the summary.md of a run's folder.")
    return text


def read_event(path: str) -> dict[str, Any]:
    """Return what GitHub says of the event that started this job. Raises ParamsError when it is no pull request's."""
    wanted = "GITHUB_EVENT_PATH names no event of a pull request. Fix: Run this in a job of `on: pull_request`."
    try:
        event = load_json(Path(path).read_bytes()) if path else None
    except (OSError, ValueError) as exc:
        raise ParamsError(wanted) from exc
    pull = event.get("pull_request") if isinstance(event, dict) else None
    if not isinstance(event, dict) or not isinstance(pull, dict) or type(pull.get("number")) is not int:
        raise ParamsError(wanted)
    return event


def why_not(event: Mapping[str, Any], repository: str, token: str) -> str:
    """Return why this job may not comment; '' when it may."""
    head = event["pull_request"].get("head")
    source = head.get("repo") if isinstance(head, dict) else None
    name = source.get("full_name") if isinstance(source, dict) else None
    if name != repository:
        return "the pull request comes from a fork, whose job has no token for it. The summary is on the job's page"
    return "" if token else "GITHUB_TOKEN is not set. The summary is on the job's page"

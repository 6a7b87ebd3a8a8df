"""One comment, written once and kept up to date; nobody else's is touched."""

from __future__ import annotations

import pytest

from lib.clients.github import GitHub
from lib.clients.github_comments import CommentRefusedError, PullRequest, mark_of, write_comment
from lib.core.errors import TargetError
from tests.support.comment_site import LONGEST, TOKEN, CommentSite, comment_site

MARK = mark_of("local", ".")


def pull(site: CommentSite, token: str = TOKEN) -> PullRequest:
    return PullRequest(github=GitHub(url=site.url, repository=site.repository, timeout_s=2, token=token), number=7)


def test_it_is_written_once_and_then_kept_up_to_date() -> None:
    with comment_site() as site:
        assert [write_comment(pull(site), MARK, text) for text in ("one", "one\n", "two")] == ["created", "unchanged", "updated"]
        [comment] = site.comments
        assert comment["body"] == f"{MARK}\ntwo"


def test_the_comment_is_found_among_many() -> None:
    with comment_site() as site:
        for number in range(70):
            site.add(f"comment {number}", login="ana", kind="User")
        site.add(f"{MARK}\nold")
        assert write_comment(pull(site), MARK, "new") == "updated"
        assert (len(site.comments), site.comments[-1]["body"]) == (71, f"{MARK}\nnew")


def test_a_persons_comment_with_our_mark_and_one_about_something_else_are_left_alone() -> None:
    with comment_site() as site:
        site.add(f"{MARK}\nplanted", login="mallory", kind="User")
        site.add(f"see {MARK}")
        site.add(f"{mark_of('staging', '.')}\nother")
        before = [dict(one) for one in site.comments]
        assert write_comment(pull(site), MARK, "ours") == "created"
        assert site.comments[:3] == before and len(site.comments) == 4


def test_a_text_that_is_too_long_is_cut_at_a_line() -> None:
    with comment_site() as site:
        write_comment(pull(site), MARK, "a line\n" * 20_000)
        body = site.comments[0]["body"]
        assert len(body) <= LONGEST and body.endswith("a line\n\n(cut: the whole is in the run's summary)\n")
        assert write_comment(pull(site), MARK, "a line\n" * 20_000) == "unchanged"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_token_that_may_not_is_said_so(status: int) -> None:
    with comment_site() as site:
        site.status = status
        with pytest.raises(CommentRefusedError, match=f"HTTP {status}"):
            write_comment(pull(site), MARK, "x")


def test_a_failing_write_is_not_repeated() -> None:
    with comment_site() as site:
        page = site.answer

        def fails(method: str, path: str, token: str, sent: object) -> tuple[int, object]:
            answered = page(method, path, token, sent)
            return (502, {}) if method == "POST" else answered

        site.answer = fails  # type: ignore[method-assign]
        with pytest.raises(TargetError, match="did not write the comment: HTTP 502"):
            write_comment(pull(site), MARK, "x")
        assert [one for one in site.asked if one.startswith("POST")] == ["POST /repos/acme/shop/issues/7/comments"]


@pytest.mark.parametrize("said", [{"message": "odd"}, [1], "x", [{"id": "1", "body": f"{MARK}\nx", "user": {"type": "Bot"}}]])
def test_an_odd_list_is_an_error_or_holds_none_of_ours(said: object) -> None:
    with comment_site() as site:
        page = site.answer
        site.answer = lambda method, *rest: (200, said) if method == "GET" else page(method, *rest)  # type: ignore[method-assign]
        try:
            assert write_comment(pull(site), MARK, "x") == "created"
        except TargetError as exc:
            assert "can't be read" in str(exc)


def test_a_mark_is_one_comment_whatever_the_names() -> None:
    assert mark_of("a --> <b>", "c") == "<!-- launch-readiness: a-b- c -->"

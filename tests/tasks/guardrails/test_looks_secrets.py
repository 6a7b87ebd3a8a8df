"""Credentials where a plain diff shows none: merges, attributes, encodings, notebooks, tables; and what only looks like one."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.branch_worlds import Project, context_of, detail_of, look_at_branch_files, make_project, not_passed

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
CHATWOOT = "Xk7RpQ2mNv9TbL4sWd8YcZ3f"
"""Of the form that Chatwoot gives its tokens, made up here."""
LINE = f'TOKEN = "{TOKEN}"\n'
CHECK = "no_secrets_in_diff"


def found_in(tmp_path: Path, change: Callable[[Project], None]) -> tuple[bool, str]:
    """Return whether a credential was found in a branch with this change, and what was said."""
    project = make_project(tmp_path / "project")
    change(project)
    found = look_at_branch_files(context_of(project, tmp_path / "work"))
    return not_passed(found).get(CHECK) == "fail", detail_of(found, CHECK) + detail_of(found, "branch_name_allowed")


def side_branch(project: Project, path: str, text: str) -> None:
    project.git("checkout", "--quiet", "-b", "side", "HEAD~1")
    project.change(path, text)
    project.git("checkout", "--quiet", "feature/tiles")
    project.change("app/other.py", "B = 1\n")


def in_the_merge_alone(project: Project) -> None:
    side_branch(project, "app/side.py", "A = 1\n")
    project.git("merge", "--quiet", "--no-ff", "--no-commit", "side")
    project.change("app/merged.py", LINE)


def in_a_side_branch_that_was_dropped(project: Project) -> None:
    side_branch(project, "app/side.py", LINE)
    project.git("merge", "--quiet", "--strategy", "ours", "--message", "Drop it", "side")


def taken_out_before_the_merge(project: Project) -> None:
    side_branch(project, "app/side.py", LINE)
    project.git("checkout", "--quiet", "side")
    project.git("rm", "--quiet", "app/side.py")
    project.commit()
    project.git("checkout", "--quiet", "feature/tiles")
    project.git("merge", "--quiet", "--no-ff", "--message", "Bring it", "side")


def attribute(name: str) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        project.write(".gitattributes", f"app/x.dat {name}\n")
        project.change("app/x.dat", LINE)

    return change


def bytes_of(content: bytes, path: str = "app/x.txt") -> Callable[[Project], None]:
    def change(project: Project) -> None:
        (project.root / path).write_bytes(content)
        project.commit()

    return change


def text_of(text: str, path: str = "app/x.txt") -> Callable[[Project], None]:
    return lambda project: project.change(path, text)


def output(data: dict[str, list[str]]) -> str:
    cell = {"cell_type": "code", "source": ["chatwoot.token"], "outputs": [{"output_type": "execute_result", "data": data}]}
    return json.dumps({"cells": [cell], "nbformat": 4})


HIDDEN: dict[str, Callable[[Project], None]] = {
    "in the merge alone": in_the_merge_alone,
    "side branch that was dropped": in_a_side_branch_that_was_dropped,
    "taken out before the merge": taken_out_before_the_merge,
    "-diff": attribute("-diff"),
    "binary": attribute("binary"),
    "UTF-16": bytes_of(f"\ufeff{LINE}".encode("utf-16-le")),
    "UTF-16 without a mark": bytes_of(LINE.encode("utf-16-be")),
    "UTF-32": bytes_of(LINE.encode("utf-32")),
    "a database file": bytes_of(b"SQLite format 3\0" + bytes(range(256)) + TOKEN.encode() + b"\0\xff", "app/x.db"),
    "not committed, UTF-16": lambda project: bool((project.root / "app/n.txt").write_bytes(LINE.encode("utf-16"))) and None,
    "a commit's message": lambda project: project.change("app/z.py", "Z = 1\n", f"Use {TOKEN}"),
    "a file's name": lambda project: project.change(f"app/{TOKEN}.txt", "x\n"),
    "a file of keys": text_of("x\n", "app/id_ed25519"),
    "a notebook's output": text_of(output({"text/plain": [f"'{CHATWOOT}'"]}), "app/n.ipynb"),
    "a table in a notebook": text_of(
        output({"text/html": ["<td>api_token</td>\n", f"<td>{CHATWOOT}</td>"]}), "app/n.ipynb"
    ),
    "a Markdown table": text_of(f"| CHATWOOT_API_TOKEN | `{CHATWOOT}` |\n", "docs/x.md"),
    "YAML's name and value": text_of(f"- name: PUBLER_API_KEY\n  value: {CHATWOOT}\n", "app/x.yml"),
    "a statement": text_of(f"insert into settings values ('api_token', '{CHATWOOT}');\n", "supabase/x.sql"),
    "Dockerfile": text_of(f"ENV PUBLER_API_KEY {CHATWOOT}\n", "app/Dockerfile"),
    "Base64": text_of(base64.b64encode(TOKEN.encode()).decode() + "\n"),
    "a file's second line, with a mark before the first": text_of(f"# pragma: allowlist nextline secret\nA = 1\n{LINE}"),
}  # fmt: skip


@pytest.mark.parametrize("where", HIDDEN)
def test_a_credential_is_found_where_a_plain_diff_shows_none(tmp_path: Path, where: str) -> None:
    is_found, said = found_in(tmp_path, HIDDEN[where])
    assert is_found, said
    assert (TOKEN not in said and CHATWOOT not in said) or where == "a file's name"


HARMLESS = {
    "a digest": text_of("sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n", "app/x.yml"),
    "a commit": text_of("ref: 4e1243bd22c66e76c2ba9eddc1f91394e57f9f83\n", "app/x.yml"),
    "the name of a secret": text_of("secretName: chatwoot-credentials\n", "app/x.yml"),
    "a local server": text_of("postgresql://postgres:postgres@localhost:5432/postgres\n"),
    "a placeholder": text_of("POSTGRES_PASSWORD=changeme\n"),
    "the password of every local database": text_of("env:\n  PGPASSWORD: postgres\n", ".github/workflows/tests.yml"),
    "a long name beside a token": text_of("accessToken: await getTokenFromOAuth2Provider(tokenProvider)\n", "app/x.ts"),
    "a picture": bytes_of(b"\x89PNG\r\n\x1a\n" + os.urandom(3000), "app/x.png"),
    "UTF-16": bytes_of("\ufeffGuten Tag, Größe\n".encode("utf-16-le")),
    "a sentence in Base64": text_of(base64.b64encode(b"hello world, this is only a sentence").decode() + "\n"),
    "an id in a notebook": text_of(json.dumps({"cells": [{"id": "a1b2c3d4", "source": ["print(1)"]}]}), "app/n.ipynb"),
    "a pinned action": text_of("- uses: actions/create-github-app-token@4e1243bd22c66e76c2ba9eddc1f91394e57f9f83 # v2\n"),
    "an accepted next line": text_of(f"# pragma: allowlist nextline secret\n{LINE}"),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_only_looks_like_one_is_passed_over(tmp_path: Path, what: str) -> None:
    is_found, said = found_in(tmp_path, HARMLESS[what])
    assert not is_found, said
    assert ("Accepted by a comment: app/x.txt" in said) is (what == "an accepted next line")


def test_a_merge_of_the_base_brings_nothing_of_the_base(tmp_path: Path) -> None:
    def change(project: Project) -> None:
        project.git("checkout", "--quiet", "main")
        project.change("app/base.py", LINE)
        project.git("checkout", "--quiet", "feature/tiles")
        project.git("merge", "--quiet", "--no-ff", "--message", "Bring the base", "main")

    is_found, said = found_in(tmp_path, change)
    assert not is_found, said

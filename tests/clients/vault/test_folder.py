"""A vault's values come whole, with the time they changed; a vault that can't be read says so, and never a value."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.clients.vault.dotenv import EnvLineError, parse_env_lines
from lib.clients.vault.folder import VaultFolder
from lib.clients.vault.kv import KvVault
from lib.core.errors import TargetError
from lib.embedded.vendors.vault import VaultStandIn

PEM = "-----BEGIN KEY-----\nMIIBfake+line/one==\n# not a comment\nümlaut “quoted”\n-----END KEY-----\n"
NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def folder(path: Path, **files: str | bytes) -> VaultFolder:
    for name, content in files.items():
        file = path / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(0o600)
    return VaultFolder(path=path, name="vault/occ/test")


class TestFolder:
    def test_a_text_file_is_one_value_byte_for_byte(self, tmp_path: Path) -> None:
        found = folder(tmp_path, key_dot_txt=PEM).read(["key.txt"])
        assert found["key.txt"].value == PEM

    def test_each_kind_of_file_gives_its_values(self, tmp_path: Path) -> None:
        vault = folder(tmp_path, a_dot_env="A=pass#word\n", deep__b_dot_json='{"api": {"key": "tab\\there"}, "top": "x y z"}')
        found = vault.read(["a.env#A", "deep/b.json#api.key", "deep/b.json#top", "a.env#NOPE", "gone.txt"])
        assert {place: one.value for place, one in found.items()} == {
            "a.env#A": "pass#word", "deep/b.json#api.key": "tab\there", "deep/b.json#top": "x y z",
        }  # fmt: skip

    def test_a_value_changed_when_its_file_was_written(self, tmp_path: Path) -> None:
        vault = folder(tmp_path, key_dot_txt="s3cret-s3cret")
        os.utime(tmp_path / "key.txt", (NOON.timestamp(), NOON.timestamp()))
        assert vault.read(["key.txt"])["key.txt"].changed_at == NOON

    def test_files_wider_than_the_owners_are_named_and_others_are_not(self, tmp_path: Path) -> None:
        vault = folder(tmp_path, a_dot_txt="xxxxxx", b_dot_txt="yyyyyy")
        tmp_path.chmod(0o755)
        assert vault.too_open() == []
        (tmp_path / "b.txt").chmod(0o640)
        assert vault.too_open() == [f"{tmp_path.name}/b.txt (-rw-r-----)"]

    @pytest.mark.parametrize("place", ["../outside.txt", "/etc/passwd", "link.txt"])
    def test_nothing_outside_the_folder_is_read(self, tmp_path: Path, place: str) -> None:
        (tmp_path / "outside.txt").write_text("outside")
        vault = folder(tmp_path / "in", a_dot_txt="xxxxxx")
        (tmp_path / "in" / "link.txt").symlink_to(tmp_path / "outside.txt")
        with pytest.raises(TargetError, match="outside the vault folder"):
            vault.read([place])

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("bad.json", b'{"a": "hunter2-hunter2",}'),
            ("bad.json", b'["hunter2-hunter2"]'),
            ("bad.json", b'{"a": 2.5}'),
            ("bad.env", b"A='hunter2-hunter2"),
            ("bad.txt", b"hunter2-hunter2\xff"),
            ("bad.yaml", b"hunter2-hunter2"),
        ],
    )
    def test_a_file_that_can_t_be_read_is_told_without_what_it_holds(self, tmp_path: Path, name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TargetError) as caught:
            VaultFolder(path=tmp_path, name="vault").read([f"{name}#a"])
        said = "".join(traceback.format_exception(caught.value))
        assert name in str(caught.value)
        assert "hunter2" not in said

    def test_a_folder_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(TargetError, match="is not there"):
            VaultFolder(path=tmp_path / "no", name="vault/occ/no").read(["a.txt"])


class TestEnvLines:
    @pytest.mark.parametrize(
        ("line", "value"),
        [
            ("A=plain", "plain"),
            ("export A=plain", "plain"),
            ("A=", ""),
            ("A=a#b$c", "a#b$c"),
            ("A='it # $x \\n'", "it # $x \\n"),
            ('A="two\\nlines \\"q\\" \\\\ \\$x"', 'two\nlines "q" \\ $x'),
            ('A="first\nsecond"  # said', "first\nsecond"),
            ("A=x=y==", "x=y=="),
            ("# c\n\nA=x\r\n", "x"),
        ],
    )
    def test_a_value_is_taken_whole(self, line: str, value: str) -> None:
        assert parse_env_lines(line) == {"A": value}

    @pytest.mark.parametrize("line", ["A=x # y", "A=x ", "A= x", "A='x", 'A="x"y', "A", "A=x\nA=y", "1A=x", "A=#x", "A=a\rb"])
    def test_a_line_that_readers_disagree_on_is_refused_by_number(self, line: str) -> None:
        with pytest.raises(EnvLineError, match=r"^line [12]"):
            parse_env_lines(line)

    @given(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True), st.text(), max_size=4))
    def test_whatever_is_quoted_comes_back(self, values: dict[str, str]) -> None:
        def quoted(value: str) -> str:
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'

        assert parse_env_lines("".join(f"{name}={quoted(value)}\n" for name, value in values.items())) == values

    @given(st.text(alphabet=st.sampled_from("A=\"'\\#\n\r x$"), max_size=12))
    def test_any_text_is_read_or_refused_and_never_else(self, text: str) -> None:
        try:
            parse_env_lines(text)
        except EnvLineError as refused:
            assert "line" in str(refused)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[VaultStandIn]:
    with VaultStandIn(folder=tmp_path) as running:
        yield running


def kv(server: VaultStandIn, **changes: str) -> KvVault:
    return KvVault(
        **{"url": server.base_url, "token": server.token, "mount": "secret", "path": "occ/test", "timeout_s": 5, **changes}
    )  # type: ignore[arg-type]


class TestKv:
    def test_values_come_whole(self, server: VaultStandIn) -> None:
        server.write("occ/test/chatwoot", {"token": PEM, "count": 3})
        found = kv(server).read(["chatwoot#token", "chatwoot#nope", "gone#token", "chatwoot#count"])
        assert {place: one.value for place, one in found.items()} == {"chatwoot#token": PEM}

    def test_a_value_changed_in_the_first_version_that_has_it(self, server: VaultStandIn) -> None:
        for day, data in enumerate(
            [{"a": "old-old"}, {"a": "new-new"}, {"a": "new-new", "b": "other-b"}, {"a": "new-new", "b": "newer-b"}]
        ):
            server.write("occ/test/x", data, at=NOON + timedelta(days=day))
        found = kv(server).read(["x#a", "x#b"])
        assert (found["x#a"].changed_at, found["x#b"].changed_at) == (NOON + timedelta(days=1), NOON + timedelta(days=3))

    def test_a_deleted_version_ends_what_is_known(self, server: VaultStandIn) -> None:
        for day in range(3):
            server.write("occ/test/x", {"a": "same-same"}, at=NOON + timedelta(days=day))
        server.paths["occ/test/x"][0].destroyed = True
        assert kv(server).read(["x#a"])["x#a"].changed_at == NOON + timedelta(days=1)
        server.paths["occ/test/x"][2].deleted_at = NOON
        assert kv(server).read(["x#a"]) == {}

    def test_a_wrong_token_is_told_and_not_shown(self, server: VaultStandIn) -> None:
        token = "-".join(["wrong"] * 4)
        with pytest.raises(TargetError, match="refused its token") as caught:
            kv(server, token=token).read(["x#a"])
        assert token not in "".join(traceback.format_exception(caught.value))

    def test_a_sealed_vault_is_told(self, server: VaultStandIn) -> None:
        server.sealed = True
        with pytest.raises(TargetError, match="sealed or down"):
            kv(server).read(["x#a"])

    @pytest.mark.parametrize("fault", ["html", "not_json", "redirect_elsewhere", "server_error", "missing_field", "refused"])
    def test_a_sick_server_is_told(self, tmp_path: Path, fault: str) -> None:
        with VaultStandIn(folder=tmp_path, fault=fault) as sick:
            sick.write("occ/test/x", {"a": "hunter2-hunter2"})
            with pytest.raises(TargetError) as caught:
                kv(sick).read(["x#a"])
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))

"""Every value arrives at Fly byte for byte, through stdin and staged; one that can't is refused before it is sent."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lib.clients.fly.app_secrets import WHITE_SPACE, choose_door, parse_import, read_fly_secrets, set_fly_secret
from lib.clients.fly.flyctl import Fly
from lib.core.errors import CommandError, TargetError
from lib.core.paths import ROOT
from lib.embedded.fly.control import call
from lib.embedded.fly.secret_lines import WHITE_SPACE as GO_WHITE_SPACE
from lib.embedded.fly.secret_lines import parse_secret_lines
from lib.embedded.fly.start import EmbeddedFly, Switches, start_fly
from lib.embedded.state_folders import own_folder, temp_root

APP = "idea-board-staging"
NASTY = st.text(
    alphabet=st.one_of(st.sampled_from("\"'#=\n\r \t\\$-ü😀"), st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    min_size=1,
)
PEM = "-----BEGIN KEY-----\nMIIBfake+line/one==\n# not a comment\nümlaut “quoted”\n-----END KEY-----\n"


@pytest.fixture(scope="module")
def platform() -> Iterator[EmbeddedFly]:
    base = own_folder(temp_root() / f"launch-workbook-test-{secrets.token_hex(4)}")
    with start_fly(base / "fly", pack=ROOT / "pack", secrets={APP: {"KEPT": "as-it-was"}}, switches=Switches()) as running:
        yield running
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def fly(platform: EmbeddedFly) -> Fly:
    return Fly(program=platform.flyctl, app=APP, timeout_s=30, folder=Path("/"))


def received(words: list[str], stdin: str) -> dict[str, str]:
    """What the stand-in's own reading of flyctl makes of words and stdin."""
    if words == ["import"]:
        return parse_secret_lines(stdin)
    name, _, rest = words[1].partition("=")
    assert (words[0], rest) == ("set", "-")
    return {name: stdin.strip(GO_WHITE_SPACE)}


@settings(max_examples=1000, deadline=None)
@given(NASTY)
@example(PEM)
@example(PEM.replace("\n", "\r\n").strip())
@example(' a"b#c ')
@example("# x ")
@example(' ""#')
@example('x"#\n')
def test_a_value_arrives_as_it_is_or_is_refused(value: str) -> None:
    try:
        words, stdin = choose_door("NAME", value)
    except TargetError as refused:
        assert value != value.strip(WHITE_SPACE)  # nothing else is ever refused
        assert value.strip() == "" or value.strip() not in str(refused).replace("NAME", "") or len(value.strip()) < 6
        return
    assert received(words, stdin) == {"NAME": value}
    assert value.strip() in ("", "-") or len(value) < 6 or value.strip() not in " ".join(words)


@pytest.mark.parametrize("value", [PEM, "trailing\n", " leading", "a#b ", "two\nlines\n", "\tümlaut # 😀\t", "'q' ", '"q" #'])
def test_white_space_at_the_ends_is_kept(value: str) -> None:
    assert received(*choose_door("NAME", value)) == {"NAME": value}


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet=st.sampled_from("AB=\"'#\n\r \t"), max_size=20))
def test_our_reading_of_flyctl_s_import_is_the_stand_in_s(text: str) -> None:
    try:
        ours = dict(parse_import(text))
    except ValueError:
        with pytest.raises(Exception, match="NAME=VALUE"):
            parse_secret_lines(text)
        return
    assert parse_secret_lines(text) == ours


def test_an_empty_value_and_a_nul_are_refused() -> None:
    for value in ("", "a\0b"):
        with pytest.raises(TargetError, match="empty or has a NUL"):
            choose_door("NAME", value)


def test_a_refused_value_is_not_shown() -> None:
    value = 'hunter2"#\nhunter2\r\n'
    with pytest.raises(TargetError, match="cannot reach Fly unchanged") as caught:
        choose_door("NAME", value)
    assert "hunter2" not in str(caught.value)


class TestThroughTheCommand:
    @pytest.mark.parametrize("value", [PEM, PEM.strip(), "pa#ss 'w\"ord", "a\r\nb\r\nc"])
    def test_the_platform_keeps_what_was_set(self, platform: EmbeddedFly, fly: Fly, value: str) -> None:
        set_fly_secret(fly, "NASTY", value)
        assert values_of(platform)["NASTY"] == value

    def test_a_set_secret_is_staged_and_starts_no_release(self, platform: EmbeddedFly, fly: Fly) -> None:
        set_fly_secret(fly, "STAGED", "not-deployed-yet")
        found = read_fly_secrets(fly)
        assert (found["STAGED"].status, found["KEPT"].status) == ("Staged", "Deployed")
        assert len(call(platform.data_dir, "app", name=APP)["releases"]) == 1

    def test_a_digest_changes_with_the_value_alone(self, fly: Fly) -> None:
        digests = []
        for value in ("first-value", "first-value", "other-value"):
            set_fly_secret(fly, "TURNED", value)
            digests.append(read_fly_secrets(fly)["TURNED"].digest)
        assert digests[0] == digests[1] != digests[2]

    def test_a_wrong_app_is_told_without_the_value(self, platform: EmbeddedFly) -> None:
        with pytest.raises(CommandError, match="of NAME failed") as caught:
            set_fly_secret(
                Fly(program=platform.flyctl, app="nobody-s", timeout_s=30, folder=Path("/")), "NAME", "hunter2-hunter2"
            )
        assert "hunter2" not in str(caught.value)

    def test_the_value_is_in_nobody_s_argv(self, tmp_path: Path) -> None:
        spy = tmp_path / "flyctl"
        spy.write_text(
            f'#!/bin/sh\ntr "\\0" " " < /proc/$$/cmdline > {tmp_path}/argv; env > {tmp_path}/env; cat > {tmp_path}/stdin\n'
        )
        spy.chmod(0o755)
        set_fly_secret(Fly(program=spy, app=APP, timeout_s=30, folder=Path("/")), "NAME", "hunter2-hunter2")
        assert "hunter2" not in (tmp_path / "argv").read_text() + (tmp_path / "env").read_text()
        assert (tmp_path / "stdin").read_text() == "hunter2-hunter2"

    def test_a_command_that_repeats_the_value_does_not_get_it_into_the_error(self, tmp_path: Path) -> None:
        loud = tmp_path / "flyctl"
        loud.write_text("#!/bin/sh\ncat >&2\nexit 1\n")
        loud.chmod(0o755)
        with pytest.raises(CommandError) as caught:
            set_fly_secret(Fly(program=loud, app=APP, timeout_s=30, folder=Path("/")), "NAME", "hunter2-hunter2")
        assert "hunter2" not in str(caught.value)


def values_of(platform: EmbeddedFly) -> dict[str, str]:
    """What the platform keeps, asked the way no flyctl can."""
    return {one["name"]: one["value"] for one in call(platform.data_dir, "secret_values", name=APP)}


def test_the_stand_in_s_folder_is_its_owner_s(platform: EmbeddedFly) -> None:
    assert platform.data_dir.stat().st_mode & 0o077 == 0

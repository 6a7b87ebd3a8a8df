"""A reader who is gone and a full disk under the output cost a run nothing."""

from __future__ import annotations

import io
import subprocess
import sys

from lib.cli.streams import Forgiving, forgiving_output
from lib.core.paths import ROOT


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def test_what_can_not_be_written_is_let_go() -> None:
    stream = Forgiving(Full())
    assert stream.write("abc") == 3
    stream.flush()
    assert stream.encoding is None and not stream.isatty()


def test_a_program_whose_reader_left_goes_on_and_keeps_its_exit_code() -> None:
    script = (
        "from lib.cli.streams import forgiving_output\n"
        "with forgiving_output():\n    for n in range(99999): print(n)\nraise SystemExit(7)"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 7


def test_it_lasts_as_long_as_its_with() -> None:
    before = sys.stdout
    with forgiving_output():
        assert isinstance(sys.stdout, Forgiving)
    assert sys.stdout is before

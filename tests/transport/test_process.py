"""Whatever a program does, its run ends in time, in little memory, and says what was seen."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

import pytest

from lib.core.errors import CommandError, CommandTimeout
from lib.core.redact import register_secrets
from lib.transport import conversation, process
from lib.transport.process import follow_command, run_command

LONG_S = 60


def python(program: str) -> list[str | Path]:
    return [sys.executable, "-I", "-c", program]


def memory() -> int:
    """Return the most memory that this process has ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_both_channels_the_exit_code_and_stdin_come_through() -> None:
    run = run_command(
        python("import sys; print(sys.stdin.read().upper()); print('e', file=sys.stderr); sys.exit(3)"),
        timeout_s=LONG_S,
        stdin="abc",
    )
    assert (run.stdout, run.stderr, run.exit_code, run.left_out) == ("ABC\n", "e\n", 3, 0)
    assert run.whole_stdout == "ABC\n"


def test_what_is_no_text_and_every_line_end_become_text() -> None:
    program = r"import sys; sys.stdout.buffer.write(b'a\r\nb\rc\xff\x00\n')"
    assert run_command(python(program), timeout_s=LONG_S).stdout == "a\nb\nc\ufffd\x00\n"
    assert [line for _, line in follow_command(python(program), timeout_s=LONG_S).lines] == ["a", "b", "c\ufffd\x00"]


@pytest.mark.parametrize("piece", ["x", "x" * 79 + "\\n"], ids=["one line without end", "lines"])
def test_a_flood_is_kept_at_its_ends(piece: str) -> None:
    loop = "for _ in range(400): w(p[:100_000])"
    program = f"import sys; w = sys.stdout.write; w('first\\n'); p = '{piece}' * 100_000\n{loop}\nw('\\nlast')"
    before = memory()
    for run in (run_command(python(program), timeout_s=LONG_S), follow_command(python(program), timeout_s=LONG_S)):
        assert run.exit_code == 0
        assert run.stdout.startswith("first\n")
        assert run.stdout.endswith("\nlast")
        assert len(run.stdout) < conversation.HEAD + conversation.TAIL * 2
        assert run.left_out > 30_000_000 - conversation.TAIL
        assert f"{run.left_out:,}" in run.stdout or "the rest of this line left out" in run.stdout
        assert len(run.transcript) < 3 * process.LONGEST_TRANSCRIPT
        with pytest.raises(CommandError, match="said too much"):
            _ = run.whole_stdout
    assert memory() - before < 80_000_000


def test_a_credential_that_a_cut_halves_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "q7Rz-K2mW" * 20
    register_secrets([secret])
    monkeypatch.setattr(conversation, "HEAD", 200_000)
    monkeypatch.setattr(conversation, "TAIL", 200_000)
    for shift in (30, 100, 170):
        said = "." * (200_000 - shift) + secret + "." * 900_000 + secret + "." * (200_000 - shift)
        kept = conversation.Kept()
        for place in range(0, len(said), 65_536):
            kept.take(said[place : place + 65_536].encode())
        assert kept.left_out > 0
        assert secret[:9] not in kept.text.replace(secret, "")
        lines = conversation.KeptLines(lambda: 0.0)
        lines.take(("x" * (conversation.LONGEST_LINE - shift) + secret + "\n").encode(), final=True)
        assert "q7Rz" not in lines.lines[0][1].replace(secret, "")


def test_a_child_that_holds_the_pipes_is_ended_and_not_waited_for(tmp_path: Path) -> None:
    for session in ("False", "True"):
        child = f"[sys.executable, '-c', 'import time; time.sleep(99)'], start_new_session={session}"
        program = f"import subprocess, sys; c = subprocess.Popen({child}); print(c.pid, flush=True); sys.exit(4)"
        for run in (run_command(python(program), timeout_s=LONG_S), follow_command(python(program), timeout_s=LONG_S)):
            assert run.exit_code == 4
            until = time.monotonic() + 10
            while sys.platform == "linux" and is_running(int(run.stdout)) and time.monotonic() < until:
                time.sleep(0.01)
            assert (session == "True" and sys.platform != "linux") or not is_running(int(run.stdout))


def test_the_last_words_of_a_child_are_kept() -> None:
    """A script with `exec > >(tee log)` ends before its tee does."""
    later = "    time.sleep(0.05); print('late', flush=True); os._exit(0)"
    program = f"import os, time\nif os.fork() == 0:\n{later}\nprint('own', flush=True); os._exit(0)"
    assert run_command(python(program), timeout_s=LONG_S).stdout == "own\nlate\n"


def test_a_program_that_ignores_the_request_to_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(99)"
    for run in (run_command, follow_command):
        with pytest.raises(CommandTimeout, match="did not end within"):
            run(python(program), timeout_s=0.5)


def test_a_program_that_closes_its_pipes_and_goes_on_is_waited_for() -> None:
    program = "import os, time; os.write(1, b'said'); os.close(0); os.close(1); os.close(2); time.sleep(0.3); os._exit(7)"
    run = run_command(python(program), timeout_s=LONG_S, stdin="x" * 1_000_000)
    assert (run.exit_code, run.stdout) == (7, "said")


def test_input_that_is_never_read_hangs_nobody() -> None:
    big = "x" * 5_000_000
    assert run_command(python("print(1)"), timeout_s=LONG_S, stdin=big).exit_code == 0
    with pytest.raises(CommandTimeout):
        run_command(python("import time; time.sleep(99)"), timeout_s=0.5, stdin=big)
    echoed = run_command(python("import sys; sys.stdout.write(sys.stdin.read())"), timeout_s=LONG_S, stdin=big[:3_000_000])
    assert echoed.stdout == big[:3_000_000]


def test_the_terminal_is_out_of_reach() -> None:
    run = run_command(python("open('/dev/tty', 'w').write('hidden')"), timeout_s=LONG_S)
    assert run.exit_code == 1


def test_without_word_of_the_end_it_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS."""
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    program = "import os, time; os.write(1, b'said'); os.close(1); os.close(2); time.sleep(0.1); os._exit(5)"
    assert run_command(python(program), timeout_s=LONG_S).exit_code == 5
    with pytest.raises(CommandTimeout):
        run_command(python("import time; time.sleep(99)"), timeout_s=0.3)


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(CommandError, match="could not be started"):
        run_command(["/nowhere/program"], timeout_s=1)

"""Five hundred credentials in every spelling, through every channel that the workbook has: how many are kept."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html import unescape
from io import StringIO
from typing import Any
from unittest.mock import patch

from nbformat.v4 import new_code_cell, new_notebook, new_output

from lib.clients.notifier import write_message
from lib.core import redact
from lib.core.incidents import FailedCheck, Incident, Plan
from lib.core.known_secrets import Needles
from lib.core.results import Check, Provenance
from lib.core.visible import say
from lib.core.wording import plain_text
from lib.display.markdown import plain
from lib.display.tables import make_table
from lib.evidence.log import line_of
from lib.reporters.html.notebook import read_story
from lib.transport.process import CommandRun
from tests.resilience.measured import Measured
from tests.support.spellings import SPELLINGS

SECRETS = 500
WINDOW = 10
"""Signs of a spelling that give a secret away when they are kept in a row."""
ALPHABETS = (
    string.ascii_letters + string.digits,
    string.digits + "abcdef",
    string.ascii_letters + string.digits + "+/=",
    string.ascii_letters + string.digits + string.punctuation,
    string.ascii_letters + "01'\"&<>%\\ ",
    string.ascii_letters + "äöüßéñçøåæ漢字ключ😀🔑'\"&<>%\\",
)
LENGTHS = (8, 9, 10, 12, 16, 20, 24, 32, 40, 64, 100, 200)
PREFIXES = ("", "", "sbp_", "sk_live_", "ghp_", "xoxb-", "FlyV1 fm2_", "postgres://me:", "SG.")


def make_secret(choose: random.Random) -> str:
    """Return a credential of some vendor's shape or of none, 8 to 200 characters, no blank at its ends."""
    while True:
        value = choose.choice(PREFIXES) + "".join(choose.choices(choose.choice(ALPHABETS), k=choose.choice(LENGTHS)))
        if value == value.strip() and len(value) <= 200 and sum(map(str.isalnum, value)) >= 5:
            return value


def transcript(text: str) -> str:
    run = CommandRun(command="x", exit_code=1, stdout=text, stderr=text, duration_s=0.1)
    return run.transcript


def evidence(text: str) -> str:
    check = Check(id="rls.x", title="x", subject="run")
    result = check.failed(observed={"seen": [text]}, expected=text, detail=text, fix=text)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return line_of(
        result, check, run_id="r", environment="local", provenance=Provenance.LIVE, started_at=now, duration_s=0
    ).model_dump_json()


def cell_of(text: str) -> Any:
    outputs = [new_output("stream", text=text), new_output("display_data", data={"text/plain": text, "text/markdown": text})]
    return new_code_cell(f"x = 1  # {text!s}", outputs=outputs)


def notebook(text: str) -> str:
    raw = json.loads(json.dumps(new_notebook(cells=[cell_of(text)])))
    for output in raw["cells"][0]["outputs"][:1]:
        output["text"] = output["text"].splitlines(keepends=True)
    return json.dumps(redact.redact_all(raw), ensure_ascii=False)


def page(text: str) -> str:
    story = read_story(new_notebook(cells=[cell_of(text)]))
    return unescape("\n".join(str(output) for passage in story.passages for output in passage.outputs))


def terminal(text: str) -> str:
    out = StringIO()
    say(f"seen: {text}", to=out)
    return out.getvalue()


def mail(text: str) -> str:
    incident = Incident(subject="chatwoot", opened_at=datetime(2026, 1, 1, tzinfo=UTC), run_id="r", failing=("health.x",))
    failed = FailedCheck(subject="chatwoot", check="health.x", title=text, word="failed", detail=text, fix=(text,))
    plan = Plan(opened=(incident,), failures=(failed,))
    message = write_message(plan, environment="local", evidence="e", sender="a@example.com", recipients=["b@example.com"])
    read = message_from_bytes(message.as_bytes(), policy=policy.default)
    return f"{read['Subject']}\n{read.get_content()}"


CHANNELS: dict[str, Callable[[str], str]] = {
    "redact": redact.redact,
    "plain_text": plain_text,
    "transcripts": transcript,
    "evidence": evidence,
    "notebooks": notebook,
    "pages": page,
    "terminal": terminal,
    "tables": lambda text: str(make_table([{"seen": text}], text)),
    "documents": plain,
    "mail": mail,
}
LIKE = {1: "ghijkmnpqrstuvwxyz", 2: "жщ", 3: "語木", 4: "🙂🎈"}
"""Bytes of UTF-8 -> characters of another secret of the same length."""
DEAR = {"pages", "mail", "notebooks", "evidence"}
"""Channels that take a hundred times as long: tried with every secret, in some of the spellings each."""


@contextmanager
def only_known(value: str) -> Iterator[None]:
    with patch.object(redact, "_known", Needles()):
        redact.register_secrets([value])
        yield


def windows(text: str) -> set[str]:
    return {text[place : place + WINDOW] for place in range(max(1, len(text) - WINDOW + 1))}


def telling(spell: Callable[[str], str], value: str, other: str) -> set[str]:
    """Return the stretches of a spelling that are there for this secret and not for another of the same length.

    By the tool's own rules alone: none of our decoders is asked.
    """
    return {one for one in windows(spell(value)) - windows(spell(other)) if len(one.strip()) == min(WINDOW, len(one))}


def kept_of(value: str, other: str, spelling: str, channel: str) -> str:
    """Return a stretch of the spelled secret that a channel lets through, '' when none is."""
    spell = SPELLINGS[spelling]
    said = CHANNELS[channel](f"before it {spell(value)} after it")
    return next((one for one in sorted(telling(spell, value, other)) if one in said), "")


def measure(*, share: float, seed: int) -> Measured:
    """Return how many of the secrets came through, in any spelling, by any channel; none is wanted."""
    choose = random.Random(seed)
    problems: list[str] = []
    tried = 0
    number_of = max(1, round(SECRETS * share))
    for number in range(number_of):
        value = make_secret(choose)
        other = "".join(choose.choice(LIKE[len(char.encode())]) for char in value)
        with only_known(value):
            for place, spelling in enumerate(SPELLINGS):
                for channel in CHANNELS:
                    if channel in DEAR and (place + number) % 20:
                        continue
                    tried += 1
                    if kept := kept_of(value, other, spelling, channel):
                        problems.append(f"secret {number} ({value!r}), {spelling}, {channel}: kept {kept!r}")
    return Measured(
        title="Credentials in every spelling",
        what=(
            f"{number_of} credentials, each written as {len(SPELLINGS)} tools write it, go through {len(CHANNELS)} channels. "
            f"A case is wrong when {WINDOW} signs of the spelled credential in a row come out."
        ),
        tried=tried,
        problems=tuple(problems),
        figures={"credentials": number_of, "spellings": len(SPELLINGS), "channels": len(CHANNELS)},
    )

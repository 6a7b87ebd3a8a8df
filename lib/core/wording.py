"""The one formatter: turns verdicts, outcomes, values, times and sizes into words.

The page, the terminal and CI all speak through it, so that they can't drift apart.
Pure but for the credentials it knows to redact out; no clock, no files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from lib.core.redact import redact
from lib.core.results import Json, Outcome, Provenance, SkipReason
from lib.core.verdict import State, Verdict
from lib.core.visible import visible

LONGEST_TEXT = 4000
"""Characters of one text on a page or in the terminal. The whole is in evidence.jsonl."""
LONGEST_UNIT = 40
LONGEST_VALUE = 240
"""Characters of one value in a table cell: about eight lines of a narrow column."""

OUTCOME_WORDS = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.SKIP: "skipped",
    Outcome.ERROR: "not determined",
}
OUTCOME_SYMBOLS = {Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.SKIP: "–", Outcome.ERROR: "?"}
PROVENANCE_WORDS = {
    Provenance.LIVE: "live: on the real service, or on the project's own files",
    Provenance.TWIN: "twin: on a copy of the live database, shown to be like it",
    Provenance.EMBEDDED: "embedded: the real program, started here for this run",
    Provenance.SIMULATED: "simulated: a stand-in for the vendor's service",
}
STATE_LOOKS = {
    State.PASSED: Outcome.PASS,
    State.FAILED: Outcome.FAIL,
    State.NOT_DETERMINED: Outcome.ERROR,
    **dict.fromkeys((State.IN_PART, State.NOT_APPLICABLE, State.ABSENT, State.BY_HAND, State.NOT_OURS), Outcome.SKIP),
}
"""What several checks came to -> the outcome in whose colour and sign it is shown."""
STATE_SYMBOLS = {state: OUTCOME_SYMBOLS[outcome] for state, outcome in STATE_LOOKS.items()}
SKIP_WORDS = {
    SkipReason.NOT_APPLICABLE: "not applicable",
    SkipReason.NOT_DUE: "nothing to do",
    SkipReason.NOT_ALLOWED: "not allowed to write",
    None: "skipped",
}
WORST_FIRST = (Outcome.FAIL, Outcome.ERROR, Outcome.SKIP, Outcome.PASS)
"""The order in which outcomes are listed: what needs a person first."""

MARGIN = 4096
"""Characters beyond what is shown that are looked at too: longer than a credential."""


def plain_text(text: str, *, limit: int = LONGEST_TEXT) -> str:
    """Return the text without credentials, all that it hides written as escapes (`lib.core.visible`), cut with a note."""
    # Only a head is walked, however many megabytes come; what a cut of ours may have halved is let go.
    window = limit * 2 + MARGIN
    clean = redact(text[:window])
    if len(text) > window:
        clean = visible(clean[:-MARGIN])
    elif len(clean := visible(clean)) <= limit:
        return clean
    return f"{clean[:limit].rstrip()} … (cut: {len(text):,} characters in all)"


def outcome_word(outcome: Outcome) -> str:
    """Return the outcome as a word: passed, failed, skipped, not determined."""
    return OUTCOME_WORDS[outcome]


def skip_word(because: SkipReason | None) -> str:
    """Return why a check was skipped, in a few words; None, of an old run, is just "skipped"."""
    return SKIP_WORDS[because]


def outcome_symbol(outcome: Outcome) -> str:
    """Return one character for the outcome; it stands beside the word, never for it."""
    return OUTCOME_SYMBOLS[outcome]


def gate_word(gate: bool) -> str:
    """Return "gate" for a check that stops the launch, else "advisory"."""
    return "gate" if gate else "advisory"


def provenance_words(provenance: Provenance) -> str:
    """Return how real the looked-at thing was, with what that means."""
    return PROVENANCE_WORDS[provenance]


def format_count(number: int, noun: str, plural: str | None = None) -> str:
    """Return "1 check", "12 checks", "1,204 rows"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def join_words(words: Sequence[str], *, last: str = "and") -> str:
    """Return "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


MOST_NAMED = 5
"""Names given in a sentence; the table below it has all."""


def name_some(names: Sequence[str], *, most: int = MOST_NAMED) -> str:
    """Return the first names as one phrase, and how many more there are."""
    more = [f"{len(names) - most:,} more"] if len(names) > most else []
    return join_words([*names[:most], *more])


def format_counts(counts: Mapping[str, int]) -> str:
    """Return the outcomes that occurred, worst first: "1 failed, 2 skipped, 9 passed"."""
    parts = [f"{counts[outcome]:,} {outcome_word(outcome)}" for outcome in WORST_FIRST if counts.get(outcome)]
    return ", ".join(parts) or "nothing was checked"


def verdict_sentence(
    verdict: Verdict,
    counts: Mapping[str, int],
    *,
    partial: bool = False,
    finished: bool = True,
    untried: int = 0,
    unconfirmed: int = 0,
    waived: int = 0,
    reused: int = 0,
    unvouched: bool = False,
    promoted: str = "",
) -> str:
    """Return what the verdict means and why, in one or two sentences.

    counts: outcome word -> number of *gates*, as lib.core.results.count_outcomes gives them.
    partial: only some of the tasks ran. finished: the run came to its end.
    untried: gates that would have to write where they may not.
    unconfirmed: lines of what is expected that were inferred and that nobody has confirmed.
    waived: gates that failed, as the project knows and has taken upon itself for a while.
    reused: gates whose results were taken over from an earlier run.
    unvouched: the project does not trust the key that signs it.
    promoted: the run in another environment that proved some of the gates.
    """
    failed, undetermined, passed = (counts.get(word, 0) for word in (Outcome.FAIL, Outcome.ERROR, Outcome.PASS))
    match verdict:
        case Verdict.GO:
            how = f", here or {promoted}" if promoted else ", on the live services or on a copy shown to be like them"
            return f"Ready to launch: all {format_count(passed, 'gate')} passed{how}."
        case Verdict.REHEARSED:
            return (
                f"{format_count(passed, 'gate')} passed and none failed, but not all of them on the live services. "
                "It can't be a GO."
            )
        case Verdict.PARTIAL:
            were = "was" if unconfirmed == 1 else "were"
            why = [f"{format_count(untried, 'gate')} would have to write where it is not allowed"] if untried else []
            why += ["only some of the tasks ran"] if partial else []
            why += [f"{format_count(unconfirmed, 'expectation')} {were} confirmed by nobody"] if unconfirmed else []
            why += [f"{format_count(waived, 'failing gate')} {'is' if waived == 1 else 'are'} waived"] if waived else []
            why += (
                [f"{format_count(reused, 'gate')} {'was' if reused == 1 else 'were'} reused from an earlier run"]
                if reused
                else []
            )
            why += (
                ["the project does not trust the key that signs it"] if unvouched and not why else []
            )  # else nothing hangs on it
            none = "" if waived else " and none failed"
            return f"{format_count(passed, 'gate')} passed{none}, but {join_words(why)}. It can't be a GO."
        case Verdict.NO_GO:
            beside = f", and {undetermined:,} could not be determined" if undetermined else ""
            said = f"Not ready: {failed:,} of {format_count(sum(counts.values()), 'gate')} failed{beside}."
        case Verdict.BLOCKED if not finished:
            said = "No verdict: the run did not come to its end. Unknown is not ready."
        case Verdict.BLOCKED if undetermined:
            said = f"No verdict yet: {format_count(undetermined, 'gate')} could not be determined. Unknown is not ready."
        case Verdict.BLOCKED if passed:
            said = "No verdict yet: not every gate has a result. Unknown is not ready."
        case _:
            said = "No verdict yet: not one gate passed. Nothing checked is not ready."
    return f"{said} Only some of the tasks ran." if partial else said


def as_sentence(said: str) -> str:
    """Return what somebody wrote as a sentence: a capital first, a full stop last."""
    said = said.strip()
    return said[:1].upper() + said[1:] + ("" if said.endswith((".", "!", "?")) else ".")


def rehearsal_sentence(environment: str) -> str:
    """Return the line of the band that every page of a rehearsal carries."""
    return f"Embedded parts stood in for the live services of {environment}; this page can't be a GO."


def format_value(value: Json, unit: str | None = None, *, limit: int = LONGEST_VALUE) -> str:
    """Return a JSON value as a table cell shows it, with its unit; None is "—", not known."""
    unit = plain_text(unit, limit=LONGEST_UNIT) if unit else None
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _show_number(value, unit)
    if isinstance(value, list | tuple) and all(isinstance(item, str | int | float) for item in value):
        text = ", ".join(format_value(item) for item in value) or "none"
    elif isinstance(value, Mapping) and all(not isinstance(item, Mapping | list) for item in value.values()):
        text = ", ".join(f"{key}: {format_value(item)}" for key, item in value.items()) or "none"
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = plain_text(text, limit=limit)
    return f"{text} {unit}" if unit and text else text or "(empty)"


def _show_number(value: float, unit: str | None) -> str:
    """Return a number with its unit; bytes and seconds are scaled to what a person reads."""
    if unit in ("bytes", "B"):
        return format_size(value)
    if unit in ("s", "seconds"):
        return format_duration(value)
    text = (
        f"{value:,}" if isinstance(value, int) else f"{value:,.3f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else f"{value:g}"
    )
    return f"{text} {unit}" if unit else text


def format_duration(seconds: float | None) -> str:
    """Return a duration: "0.4 ms", "230 ms", "4.2 s", "1 min 05 s", "2 h 10 min", "3 d 4 h"."""
    if seconds is None:
        return "—"
    if seconds < 0.001:
        return f"{seconds * 1000:.1f} ms" if seconds else "0 s"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, left = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {left:02d} s" if left else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def format_size(size_bytes: float | None) -> str:
    """Return a size in decimal units: "812 bytes", "4.1 kB", "73 MB"."""
    if size_bytes is None:
        return "—"
    if size_bytes < 1000:
        return f"{size_bytes:.0f} bytes"
    scaled = float(size_bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        scaled /= 1000
        if scaled < 999.5 or unit == "TB":
            break
    return f"{scaled:.1f} {unit}" if scaled < 9.95 else f"{scaled:,.0f} {unit}"


def format_time(moment: datetime | str | None) -> str:
    """Return a moment in UTC: "23 Nov 2026, 11:45:00 UTC"; a text that is no time comes back as it is."""
    if moment is None or moment == "":
        return "—"
    if isinstance(moment, str):
        try:
            return format_time(datetime.fromisoformat(moment))
        except ValueError:
            return plain_text(moment, limit=LONGEST_VALUE)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    moment = moment.astimezone(UTC)
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment:%Y, %H:%M:%S} UTC"


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Not strftime's %b, which speaks the machine's language."""


def format_not_set(variables: Sequence[str], environment: str) -> str:
    """Return which variables are missing where others of the environment are set."""
    if not variables:
        return f"No target of that name is known in {environment}"
    verb = "is" if len(variables) == 1 else "are"
    return f"{join_words(list(variables))} {verb} not set, although other targets of {environment} are named"


def rehearsal_opening(environment: str, variables: Sequence[str]) -> str:
    """Return the first line of a rehearsal: what stands in, and what would make it live."""
    if not variables:
        return f"REHEARSAL on embedded parts: {environment} has no live targets."
    return f"REHEARSAL on embedded parts: set {join_words(list(variables))} to look at the live {environment}."


def refusal_of_rehearsal(environment: str, variables: Sequence[str]) -> str:
    """Return why STRICT stops a run before it starts."""
    return (
        f"BLOCKED: STRICT is set, which refuses a rehearsal, and no live target of {environment} is named. "
        f"Fix: Set {join_words(list(variables))}, or run without STRICT."
    )

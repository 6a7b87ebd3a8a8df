"""Every error this project raises on purpose.

    WorkbookError
    +-- ParamsError        what the user asked for can't be understood
    +-- TargetError        a target could not be looked at: becomes the result `error`
    |   +-- DatabaseError
    |   +-- WebError
    |   +-- MailError
    |   +-- CommandError
    |       +-- CommandTimeout
    +-- NotReadyError      the last cell of a notebook: a gate did not pass

A message is one or two sentences: what was tried, where, what was seen. What to do is its `fix`, never part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class WorkbookError(Exception):
    """Something a person can act on went wrong.

    message: what was tried, where, and what was seen, as sentences. fix: what to do, each a sentence or a command.
    """

    def __init__(self, message: str, *, fix: str | Sequence[str] = ()) -> None:
        self.message = message
        self.fix = (fix,) if isinstance(fix, str) else tuple(fix)
        super().__init__(" ".join([message, *(f"Fix: {one}" for one in self.fix)]))

    def _render_traceback_(self) -> list[str]:
        """Show a person in JupyterLab the sentence alone: nothing broke that a traceback would explain."""
        return [self.message, *(f"Fix: {one}" for one in self.fix)]


class ParamsError(WorkbookError):
    """What the user asked for can't be understood; `problems` lists every line at once."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))

    @staticmethod
    def unknown_key(where: str, key: str, known: Iterable[str]) -> str:
        """Return the line for a key that nothing reads, with the nearest one that is read."""
        names = sorted(known)
        near = get_close_matches(key, names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(names)}."
        return f"{where}: unknown key '{key}'; {hint}"

    @staticmethod
    def no_such_environment(name: str, known: Iterable[str]) -> ParamsError:
        """Return the error for an environment without a file in params/."""
        names = ", ".join(sorted(known)) or "none"
        return ParamsError(
            f"ENV={name}: there is no params/{name}.yaml (environments here: {names}). Pass one of these, or add that file."
        )


class TargetError(WorkbookError):
    """A target could not be looked at. Nothing is known about it, which is not a pass."""


class DatabaseError(TargetError):
    """A database did not answer, or refused the question; `sqlstate` is known when it answered."""

    def __init__(self, message: str, *, sqlstate: str | None = None, fix: str | Sequence[str] = ()) -> None:
        self.sqlstate = sqlstate
        super().__init__(message, fix=fix)


class WebError(TargetError):
    """A web address did not give an answer that can be judged."""


class MailError(TargetError):
    """A mail server did not take us or our message; `answered` says whether it said so itself."""

    def __init__(self, message: str, *, answered: bool, fix: str | Sequence[str] = ()) -> None:
        self.answered = answered
        super().__init__(message, fix=fix)


class CommandError(TargetError):
    """A program could not be started, ran out of time, or broke before it could answer."""


class CommandTimeout(CommandError):
    """A program ran out of time and was ended."""


class NotReadyError(WorkbookError):
    """Raised by the last cell of a notebook when a gate did not pass."""

"""What a module or object offers to a person at a notebook: completion shows these names alone, and a wrong one is a sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from types import ModuleType

from lib.core.errors import WorkbookError
from lib.core.results import Look


class NoSuchName(WorkbookError, AttributeError):
    """A name that is not there was asked for; the nearest ones that are there are its fix."""


def no_such_name(where: str, name: str, known: Iterable[str]) -> NoSuchName:
    """Return the error for a name that a module or object does not have. where: how a person calls it."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    fix = f"Did you mean {near[0]}?" if near else f"Choose one of {', '.join(names)}."
    return NoSuchName(f"{where} has no {name}.", fix=fix)


class OfferedModule(ModuleType):
    """A module that lists what it offers, and no import or part of its own; all else in it works as ever."""

    __all__: list[str]

    def __dir__(self) -> list[str]:
        return sorted(self.__all__)

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):  # Python and its tools look for such names by themselves
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        raise no_such_name(self.__name__.removeprefix("lib."), name, self.__all__)


def offer(module: str, names: Iterable[str]) -> None:
    """Make a module offer these names. module: its `__name__`; called as its last line."""
    offered = sys.modules[module]
    offered.__all__ = list(names)  # type: ignore[attr-defined]
    offered.__class__ = OfferedModule


def complete_only(kind: type, names: Iterable[str]) -> None:
    """Make IPython complete these names of an object of this class: by itself it adds those of the class to what `dir` says."""
    if "IPython" not in sys.modules:
        return
    from IPython.utils.generics import complete_object

    listed = list(names)
    complete_object.register(kind, lambda _, __: listed)


def offer_looks(module: str, *more: str) -> None:
    """Make a task's looks offer the looks alone, and what else its notebook calls."""
    offer(module, [*(name for name, one in vars(sys.modules[module]).items() if isinstance(one, Look)), *more])


def offer_figures(module: str) -> None:
    """Make a task's figures offer the functions that return one."""
    offer(module, [name for name, one in vars(sys.modules[module]).items() if returns_figure(one, module)])


def returns_figure(one: object, module: str) -> bool:
    """Return whether something is a function of this module that returns a figure."""
    returned = getattr(one, "__annotations__", {}).get("return") if callable(one) else None
    return getattr(one, "__module__", "") == module and getattr(returned, "__name__", returned) == "Figure"

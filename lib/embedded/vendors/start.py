"""The stand-ins of one run: started together for the targets that are not live, gone after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lib.embedded.switches import Embedded
from lib.embedded.vendors.chatwoot import Chatwoot
from lib.embedded.vendors.mail import MailSink
from lib.embedded.vendors.publer import Publer


@dataclass(frozen=True, kw_only=True)
class RunningServices:
    """What stands in: target -> its parts; planted: credentials that must not be kept."""

    services: dict[str, dict[str, str]]
    planted: tuple[str, ...]


@contextmanager
def start_stand_ins(targets: Iterable[str], behaviour: Embedded, folder: Path) -> Iterator[RunningServices]:
    """Yield the stand-ins of these targets, running; a target that has none is left out.

    folder: a private folder of the run; received mail is kept below it.
    """
    wanted = set(targets)
    chatwoot, publer = behaviour.chatwoot, behaviour.publer
    with ExitStack() as running:
        standing: dict[str, Chatwoot | Publer | MailSink] = {}
        if "chatwoot" in wanted:
            standing["chatwoot"] = running.enter_context(
                Chatwoot(fault=chatwoot.fault, at=chatwoot.at, latency_ms=chatwoot.latency_ms, folder=folder)
            )
        if "publer" in wanted:
            standing["publer"] = running.enter_context(
                Publer(fault=publer.fault, at=publer.at, latency_ms=publer.latency_ms, folder=folder)
            )
        if "mail" in wanted:
            standing["mail"] = running.enter_context(MailSink(fault=behaviour.mail.fault, folder=folder / "mail"))
        yield RunningServices(
            services={name: one.parts for name, one in standing.items()},
            planted=tuple(value for one in standing.values() for value in one.planted),
        )

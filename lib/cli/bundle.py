"""A run as one file for strangers: its pages, facts and statements with what checks them, and what nobody should see left out."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import stat
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lib.cli.named_run import find_run
from lib.core.errors import CommandError, ParamsError, WorkbookError
from lib.core.files import write_whole
from lib.core.last_look import look_once_more
from lib.core.paths import ROOT
from lib.core.visible import plain_line, say
from lib.core.wording import format_count, format_size
from lib.evidence.envelope import enclosed_key
from lib.evidence.leaves import Leaf, as_rows, from_rows, walk_facts, walk_files
from lib.evidence.log import FILE as EVIDENCE
from lib.evidence.log import read_evidence
from lib.evidence.manifest import ENVELOPE, verify_run
from lib.evidence.statements import FACTS, LEAVES
from lib.evidence.withhold import ALWAYS, Withheld, find_withheld
from lib.reporters.bundle_page import render_bundle
from lib.run.signing import own_keys
from lib.tasks.index import every_check
from lib.transport.process import run_command

BUNDLES = "bundles"
"""The folder, beside the environments' of a project, where what is passed on is put."""
EPOCH = (2000, 1, 1, 0, 0, 0)
"""The time of every file in the zip: the same run gives the same bytes."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
VERIFY_TIMEOUT_S = 60
PRINT_TIMEOUT_S = 60
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
)
VERIFIER = ROOT / "docs" / "verify_bundle.py"
READ_FIRST = "READ_FIRST.html"
NOTHING = Withheld(asked=(), leaves=frozenset(), why={})


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What a run's bundle is made of. said: what the signed statement of its facts says. public: the signer's key, PEM."""

    folder: Path
    leaves: Sequence[Leaf]
    withheld: Withheld
    said: Mapping[str, Any]
    keyid: str
    public: bytes

    @property
    def is_shown_whole(self) -> bool:
        return not self.withheld.leaves

    @property
    def name(self) -> str:
        kept = "" if self.is_shown_whole else "-redacted"
        return f"{self.folder.parent.name}-{self.folder.name}{kept}"


def bundle(run: str, redact: Sequence[str]) -> int:
    """Write a run's bundle as zip and as one page, and its front page as a PDF, and say where they are; return the exit code.

    redact: checks, tasks and files that are withheld. Raises ParamsError when the run is none, does not verify, holds a
    credential, or has nothing of what is to be withheld.
    """
    folder = find_run(run)
    refuse_unsound(folder)
    made = read_bundle(folder, redact)
    target = folder.parent.parent / BUNDLES
    target.mkdir(exist_ok=True)
    path = target / f"{made.name}.zip"
    contents = list(list_contents(made))
    data = write_zip(contents, path)
    require_holds(made, data)
    page = path.with_suffix(".html")
    page.write_text(page_of(made, archive=data), encoding="utf-8")
    say(f"The run as one zip, {format_count(len(contents), 'file')}, {format_size(len(data))}: {plain_line(str(path))}")
    say(f"The same as one page, {format_size(page.stat().st_size)}: {plain_line(str(page))}")
    if not made.is_shown_whole:
        say(f"Withheld: {plain_line(', '.join(made.withheld.asked))}")
        say(f"{format_count(len(made.withheld.leaves), 'part')} left out in all: what repeats them stays behind, too.")
    say(f"Whoever gets it checks it with the verifier inside, and the public key of {made.keyid[:16]}, sent another way.")
    return print_front_page(made, path.with_suffix(".pdf")) if made.is_shown_whole else 0


def refuse_unsound(folder: Path) -> None:
    """Raise ParamsError for a run that nobody should be handed: one that was changed since, or that holds a credential."""
    found = verify_run(folder, keys=own_keys())
    if found.problems:
        named = f"{plain_line(found.problems[0])}"
        raise ParamsError(f"{folder.name} does not verify ({named}), so it is not passed on. Fix: Run again.")
    leaks = look_once_more(folder)
    if leaks:
        raise ParamsError(f"A credential, or what looks like one, is in {leaks[0]}. Fix: Keep it from being printed, run again.")


def read_bundle(folder: Path, redact: Sequence[str]) -> Bundle:
    """Return what a sealed run's bundle is made of. Raises ParamsError for a run from before there were leaves."""
    try:
        leaves = from_rows(json.loads((folder / LEAVES).read_bytes()))
        envelope = json.loads((folder / FACTS).read_bytes())
        key = enclosed_key(json.loads((folder / ENVELOPE).read_bytes())["publicKey"])
        said = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ParamsError(f"{folder.name} is of an older workbook, which signed no single facts. Fix: Run again.") from exc
    titles = {check.id: check.title for check in every_check().values()}
    withheld = find_withheld(folder, leaves, redact, titles=titles) if redact else NOTHING
    raw = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.keyval["public"]))
    public = raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return Bundle(folder=folder, leaves=leaves, withheld=withheld, said=said, keyid=key.keyid, public=public)


def list_contents(made: Bundle) -> Iterator[tuple[str, bytes]]:
    """Yield each file of the bundle: its path in the zip, and its bytes."""
    yield READ_FIRST, page_of(made).encode()
    yield VERIFIER.name, VERIFIER.read_bytes()
    for name, path in walk_files(made.folder):
        if name in ALWAYS or name not in made.withheld.leaves:
            yield f"{made.folder.name}/{name}", shown_part(made, name, path)


def shown_part(made: Bundle, name: str, path: Path) -> bytes:
    """Return what the bundle shows of a file: of the evidence and the leaves what is not withheld, anything else whole."""
    if made.is_shown_whole:
        return path.read_bytes()
    if name == LEAVES:
        return (json.dumps(as_rows(made.leaves, withheld=made.withheld.leaves), indent=0) + "\n").encode()
    if name == EVIDENCE:
        shown = [line for check, line in walk_facts(made.folder) if check not in made.withheld.leaves]
        return b"".join(line + b"\n" for line in shown)
    return path.read_bytes()


def page_of(made: Bundle, *, archive: bytes = b"") -> str:
    """Return the bundle's page. archive: the zip, to be put into the page."""
    lines = [line for line in read_evidence(made.folder) if line.check not in made.withheld.leaves]
    return render_bundle(made.said, lines, made.withheld, keyid=made.keyid, name=made.name, archive=archive)


def write_zip(contents: Sequence[tuple[str, bytes]], path: Path) -> bytes:
    """Write files into one zip, the same bytes for the same files, and return these bytes."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(contents):
            about = zipfile.ZipInfo(name, EPOCH)
            about.compress_type, about.external_attr = zipfile.ZIP_DEFLATED, (stat.S_IFREG | 0o644) << 16
            archive.writestr(about, data)
    write_whole(path, written.getvalue())
    return written.getvalue()


def require_holds(made: Bundle, archive: bytes) -> None:
    """Raise WorkbookError when the verifier that goes with the bundle does not hold it: then nobody is handed it."""
    with tempfile.TemporaryDirectory(prefix="bundle-") as folder:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            opened.extractall(folder)
        key = Path(folder) / "signer.pem"
        key.write_bytes(made.public)
        argv = [sys.executable, f"{folder}/{VERIFIER.name}", f"{folder}/{made.folder.name}", str(key)]
        done = run_command(argv, timeout_s=VERIFY_TIMEOUT_S)
        if done.exit_code != 0:
            raise WorkbookError(f"The bundle does not hold by its own verifier: {done.stdout.strip()}", fix="Run again.")


def print_front_page(made: Bundle, path: Path) -> int:
    """Print the run's front page as a PDF where there is a browser; return the exit code."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        say("No PDF: it needs Chromium. Fix: Install it (Debian: apt-get install chromium), or print index.html from a browser.")
        return 0
    print_page(browser, made.folder / "index.html", path)
    say(f"The front page: {plain_line(str(path))}")
    return 0


def print_page(browser: str, page: Path, path: Path) -> None:
    """Print a page into a PDF. Raises CommandError when the browser does not do it."""
    sandbox = () if os.getuid() else ("--no-sandbox",)  # Chromium has none for root
    with tempfile.TemporaryDirectory(prefix="print-") as folder:
        printed = Path(folder) / "page.pdf"
        argv = [browser, *FLAGS, *sandbox, f"--user-data-dir={folder}/profile", f"--print-to-pdf={printed}", page.as_uri()]
        done = run_command(argv, timeout_s=PRINT_TIMEOUT_S)
        if not printed.exists():
            raise CommandError(
                f"The browser made no PDF of {page.name} (exit code {done.exit_code}).",
                fix="Print index.html from a browser instead; the zip is whole.",
            )
        shutil.move(printed, path)

"""A whole run as one file to pass on, and its front page as a PDF."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from lib.cli.named_run import find_run
from lib.core.errors import CommandError, ParamsError
from lib.core.last_look import look_once_more
from lib.core.visible import plain_line, say
from lib.core.wording import format_count, format_size
from lib.evidence.manifest import verify_run
from lib.run.signing import own_keys
from lib.transport.process import run_command

SHARED = "shared"
"""The folder, beside the environments' of a project, where what is passed on is put."""
EPOCH = (2000, 1, 1, 0, 0, 0)
"""The time of every file in the zip: the same run gives the same bytes."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
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


def share(run: str) -> int:
    """Write a run's zip and PDF, and say where they are; return the exit code.

    Raises ParamsError when the run is none, does not verify, or holds a credential.
    """
    folder = find_run(run)
    refuse_unsound(folder)
    target = folder.parent.parent / SHARED
    target.mkdir(exist_ok=True)
    stem = target / f"{folder.parent.name}-{folder.name}"
    files = write_zip(folder, stem.with_name(f"{stem.name}.zip"))
    size = stem.with_name(f"{stem.name}.zip").stat().st_size
    say(f"The whole run, {format_count(files, 'file')}, {format_size(size)}: {plain_line(str(stem))}.zip")
    say("Whoever unpacks it opens index.html, and checks it with: make verify RUN=<its folder>")
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        say("No PDF: it needs Chromium. Fix: Install it (Debian: apt-get install chromium), or print index.html from a browser.")
        return 0
    print_page(browser, folder / "index.html", stem.with_name(f"{stem.name}.pdf"))
    say(f"The front page: {plain_line(str(stem))}.pdf")
    return 0


def refuse_unsound(folder: Path) -> None:
    """Raise ParamsError for a run that nobody should be handed: one that was changed since, or that holds a credential."""
    found = verify_run(folder, keys=own_keys())
    if found.problems:
        named = f"{plain_line(found.problems[0])}"
        raise ParamsError(f"{folder.name} does not verify ({named}), so it is not passed on. Fix: Run again.")
    leaks = look_once_more(folder)
    if leaks:
        raise ParamsError(f"A credential, or what looks like one, is in {leaks[0]}. Fix: Keep it from being printed, run again.")


def write_zip(folder: Path, path: Path) -> int:
    """Write every file of a run into one zip, the same bytes for the same run, and return how many they are."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            files = list(list_files(folder))
            for one in files:
                about = zipfile.ZipInfo(f"{folder.name}/{one.relative_to(folder).as_posix()}", EPOCH)
                about.compress_type, about.external_attr = zipfile.ZIP_DEFLATED, (stat.S_IFREG | 0o644) << 16
                archive.writestr(about, one.read_bytes())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return len(files)


def list_files(folder: Path) -> Iterator[Path]:
    """Yield every file of a run, by name; links are left out, since they may lead anywhere."""
    yield from sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


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

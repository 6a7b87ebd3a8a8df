"""A run for strangers: whole, the same bytes each time, checked by the verifier inside, and without what is withheld."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lib.cli import bundle as bundling
from lib.cli.bundle import bundle, list_contents, read_bundle, write_zip
from lib.core.errors import ParamsError
from lib.core.results import Outcome
from lib.core.verdict import Verdict
from lib.evidence.log import EvidenceLine, append_line, keep_artifact
from lib.evidence.manifest import seal_run
from lib.evidence.statements import write_statements
from lib.run.signing import open_signer
from lib.tasks.index import every_check

TOKEN = "ghp_" + "Zk3" * 12
SECRET = "the table of wages lies open to everybody"
ENDED = "2026-11-26T09:01:00+00:00"
LISTED = "cellar-stock-inventory-2026"
OPEN_CHECK, FAILING, OTHER = "rls.every_table_enabled", "rls.no_policy_without_rls", "seed.checks_hold"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "shop" / "local" / "20261126T090000Z-aaaa"
    folder.mkdir(parents=True)
    for check, result, detail in (
        (OPEN_CHECK, Outcome.PASS, "Every table of public has it."),
        (FAILING, Outcome.FAIL, SECRET),
        (OTHER, Outcome.PASS, "Every row meets its constraints."),
    ):
        task, _, name = check.partition(".")
        kept = keep_artifact(folder, task, f"{name}.json", {"seen": detail, "more": LISTED + check})
        about = {"run_id": folder.name, "project": "shop", "environment": "local", "task": task, "check": check, "gate": True}
        seen = {"result": result, "provenance": "live", "detail": detail, "artifacts": [kept.model_dump()]}
        took = {"started_at": datetime(2026, 11, 26, 9, tzinfo=UTC), "duration_s": 1.0}
        append_line(folder, EvidenceLine.model_validate(about | seen | took))
    (folder / "index.html").write_text(f"<!doctype html><title>A run</title><h1>NO-GO</h1><p>{SECRET.replace(' ', '&#32;')}</p>")
    (folder / "seed.html").write_text("<!doctype html><title>Seed</title><p>Every row meets its constraints.</p>")
    (folder / "rls.ipynb").write_text(json.dumps({"text": f'a "quoted"\n{SECRET}'}))
    seal(folder)
    return folder


def seal(folder: Path) -> None:
    about = {"run_id": folder.name, "project": "shop", "environment": "local", "verdict": "NO-GO", "ended_at": ENDED}
    write_statements(folder, about, open_signer(), verdict=Verdict.NO_GO, judged=[], commits={}, settings={})
    seal_run(folder, about, open_signer())


def public_key(tmp_path: Path) -> Path:
    raw = Ed25519PublicKey.from_public_bytes(bytes.fromhex(open_signer().public_key.keyval["public"]))
    path = tmp_path / "signer.pem"
    path.write_bytes(raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


def unpack(run: Path, tmp_path: Path, *redact: str) -> Path:
    """Return the folder that a stranger has after unpacking the bundle."""
    kept = "-redacted" if redact else ""
    assert bundle(str(run), redact) == 0
    there = tmp_path / f"stranger{kept}"
    with zipfile.ZipFile(run.parent.parent / "bundles" / f"local-{run.name}{kept}.zip") as archive:
        archive.extractall(there)
    return there


def check(there: Path, run: Path, key: Path) -> tuple[int, str]:
    """Return what the verifier inside says to a stranger: its exit code and words."""
    argv = [sys.executable, "-S", "verify_bundle.py", run.name, str(key)]
    site = next(path for path in sys.path if path.endswith("site-packages"))
    done = subprocess.run(argv, cwd=there, env={"PYTHONPATH": site}, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_the_bundle_is_whole_holds_by_its_own_verifier_and_is_always_the_same(run: Path, tmp_path: Path) -> None:
    there = unpack(run, tmp_path)
    code, said = check(there, run, public_key(tmp_path))
    assert (code, "HOLDS" in said, "NO-GO: 3 facts, 0 parts withheld" in said) == (0, True, True)
    names = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert names == {path.relative_to(there / run.name).as_posix() for path in (there / run.name).rglob("*") if path.is_file()}
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    for path in (first, second):
        write_zip(list(list_contents(read_bundle(run, ()))), path)
    assert first.read_bytes() == second.read_bytes()


def test_what_is_withheld_is_nowhere_and_the_rest_holds(run: Path, tmp_path: Path) -> None:
    there = unpack(run, tmp_path, FAILING)
    assert check(there, run, public_key(tmp_path))[0] == 0
    shown = b"".join(path.read_bytes() for path in there.rglob("*") if path.is_file())
    page = next((run.parent.parent / "bundles").glob("*-redacted.html")).read_bytes()
    for told in (SECRET, LISTED + FAILING, FAILING, every_check()[FAILING].title):
        assert told.encode() not in shown and told.encode() not in page
    left = {path.relative_to(there / run.name).as_posix() for path in (there / run.name).rglob("*") if path.is_file()}
    assert {"index.html", "rls.ipynb", "manifest.json", "test-result.dsse.json"} & left == set()
    assert {"seed.html", "evidence.jsonl", "artifacts/seed/checks_hold.json", "facts.dsse.json"} <= left
    assert b"withheld" in page and b"vouch for itself" in page


def test_a_withheld_task_and_a_withheld_file_take_along_what_belongs_to_them(run: Path, tmp_path: Path) -> None:
    facts = [json.loads(line)["check"] for line in
             (unpack(run, tmp_path, "rls") / run.name / "evidence.jsonl").read_text().splitlines()]  # fmt: skip
    assert facts == [OTHER]
    shutil.rmtree(tmp_path / "stranger-redacted")
    there = unpack(run, tmp_path, "artifacts/seed/checks_hold.json") / run.name
    assert [json.loads(line)["check"] for line in (there / "evidence.jsonl").read_text().splitlines()] == [OPEN_CHECK, FAILING]
    assert not (there / "artifacts" / "seed").exists()


@pytest.mark.parametrize("redact", [(), (FAILING,)], ids=["whole", "redacted"])
def test_the_verifier_finds_every_change(run: Path, tmp_path: Path, redact: tuple[str, ...]) -> None:
    there, key = unpack(run, tmp_path, *redact), public_key(tmp_path)
    folder = there / run.name
    evidence = folder / "evidence.jsonl"
    lines, leaves = evidence.read_bytes(), json.loads((folder / "leaves.json").read_text())
    changes = {
        "a changed letter": lambda: evidence.write_bytes(lines.replace(b"Every", b"Never", 1)),
        "a removed fact": lambda: evidence.write_bytes(lines.partition(b"\n")[2]),
        "a fact twice": lambda: evidence.write_bytes(lines + lines.partition(b"\n")[0] + b"\n"),
        "a fact more": lambda: evidence.write_bytes(lines + b'{"check": "rls.new"}\n'),
        "no line of JSON": lambda: evidence.write_bytes(lines + b"{\n"),
        "a changed page": lambda: (folder / "seed.html").write_text("GO"),
        "a removed page": lambda: (folder / "seed.html").unlink(),
        "a page more": lambda: (folder / "more.html").write_text("GO"),
        "a link": lambda: (folder / "more").symlink_to("/etc/hostname"),
        "fewer leaves": lambda: (folder / "leaves.json").write_text(json.dumps(leaves[1:])),
        "no leaf": lambda: (folder / "leaves.json").write_text("[]"),
        "a statement more": lambda: shutil.copy(folder / "facts.dsse.json", folder / "manifest2.dsse.json"),
        "another verdict": lambda: (folder / "facts.dsse.json").write_text(
            (folder / "facts.dsse.json").read_text().replace('"payload": "ey', '"payload": "ez')
        ),
    }  # fmt: skip
    for name, change in changes.items():
        shutil.copytree(folder, tmp_path / "sound", symlinks=True)
        change()
        code, said = check(there, run, key)
        assert code in (1, 2) and "HOLDS:" not in said.replace("DOES NOT HOLD", ""), name
        shutil.rmtree(folder)
        (tmp_path / "sound").rename(folder)
    assert check(there, run, key)[0] == 0


def test_another_ones_key_does_not_hold_and_none_is_said(run: Path, tmp_path: Path) -> None:
    there = unpack(run, tmp_path)
    other = tmp_path / "other.pem"
    raw = Ed25519PublicKey.from_public_bytes(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
    other.write_bytes(raw.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert check(there, run, other)[0] == 1
    code, said = check(there, run, tmp_path / "none.pem")
    assert code == 2 and said.startswith("COULD NOT BE CHECKED")


def test_the_verifier_is_short_and_needs_one_package(run: Path) -> None:
    code = [line for line in bundling.VERIFIER.read_text().splitlines() if line.strip()]
    imported = {line.split()[1].partition(".")[0] for line in code if line.startswith(("import ", "from "))}
    assert len(code) <= 60 and imported - {"base64", "hashlib", "json", "sys", "pathlib"} == {"cryptography"}


def test_where_everything_is_is_said(run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "BROWSERS", ("no-such-browser",))
    assert bundle(str(run), ()) == 0
    said = capsys.readouterr().out
    stem = run.parent.parent / "bundles" / f"local-{run.name}"
    assert f"{stem}.zip" in said and f"{stem}.html" in said and "No PDF: it needs Chromium." in said
    assert "data:application/zip;base64," in stem.with_suffix(".html").read_text()


def test_the_front_page_is_printed_where_there_is_a_browser(run: Path) -> None:
    if not any(map(shutil.which, bundling.BROWSERS)):
        pytest.skip("no Chromium on PATH: install chromium to run the browser tests")
    assert bundle(str(run), ()) == 0
    assert (run.parent.parent / "bundles" / f"local-{run.name}.pdf").read_bytes().startswith(b"%PDF")


def test_a_run_that_was_changed_or_holds_a_credential_is_not_passed_on(run: Path) -> None:
    with pytest.raises(ParamsError, match=r"no such fact or file. Fix: Did you mean rls.no_policy_without_rls"):
        bundle(str(run), ["rls.no_policy_without"])
    (run / "seed.html").write_text("changed")
    with pytest.raises(ParamsError, match="does not verify"):
        bundle(str(run), ())
    (run / "artifacts" / "rls" / "log.txt").write_text(f"token {TOKEN}\n")
    seal(run)
    with pytest.raises(ParamsError, match="credential"):
        bundle(str(run), ())
    assert not (run.parent.parent / "bundles").exists()


def test_a_run_of_an_older_workbook_is_said_to_be_one(run: Path) -> None:
    (run / "leaves.json").unlink()
    seal_run(run, {"run_id": run.name}, open_signer())
    with pytest.raises(ParamsError, match="older workbook, which signed no single facts"):
        bundle(str(run), ())

"""How one finished run becomes the one result of its member of a fleet: uploaded whole, read back, and claimed once.

In the results: `<project>/<environment>/<run id>/` is a run's folder as it was sealed. `.fleets/<fleet>/` holds what one fleet
committed, a file a member: it is made once and never replaced, so however many attempts come to their end, one counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lib.core.errors import TargetError
from lib.core.files import digest_file
from lib.transport.storage import Storage

MANIFEST, ENVELOPE = "manifest.json", "manifest.dsse.json"
"""As lib.evidence.manifest names them, whose libraries of signing no attempt needs."""
FLEETS = ".fleets"
"""Folder of the results that no project's name can have: what each fleet committed."""


@dataclass(frozen=True, kw_only=True)
class Committed:
    """The one result of a member of a fleet. attempt: which one it was. manifest_sha256: of its manifest.json.

    exit_code: of the run's process. is_live: whether it was given a value of any variable.
    """

    fleet: str
    attempt: str
    project: str
    environment: str
    run_id: str
    verdict: str
    exit_code: int
    finished: bool
    partial: bool
    started_at: str
    ended_at: str
    commit: str | None
    manifest_sha256: str
    is_live: bool

    @property
    def folder(self) -> str:
        """Where its run's folder is in the results."""
        return f"{self.project}/{self.environment}/{self.run_id}"

    @property
    def incoming(self) -> str:
        """Where its run's folder is uploaded to before it is claimed."""
        return incoming(self.fleet, self.attempt)


def incoming(fleet: str, attempt: str = "") -> str:
    """Return where attempts of a fleet upload to."""
    return f"{FLEETS}/{fleet}/incoming/{attempt}".rstrip("/")


def claim_of(fleet: str, project: str, environment: str) -> str:
    """Return the file that says which attempt counts."""
    return f"{FLEETS}/{fleet}/{project}/{environment}.json"


def describe_run(
    run_folder: Path, *, fleet: str, attempt: str, member: Mapping[str, Any], exit_code: int, is_live: bool
) -> Committed:
    """Return what is to be committed of a sealed run. Raises OSError, ValueError or KeyError for one without a whole seal."""
    about = json.loads((run_folder / MANIFEST).read_bytes())
    digest_file(run_folder / ENVELOPE)  # it is written last: without it the seal is half made
    return Committed(
        fleet=fleet,
        attempt=attempt,
        project=member["project"],
        environment=member["environment"],
        run_id=about["run_id"],
        verdict=about["verdict"],
        exit_code=exit_code,
        finished=about["finished"],
        partial=about["partial"],
        started_at=about["started_at"],
        ended_at=about["ended_at"],
        commit=about["pack_commit"],
        manifest_sha256=digest_file(run_folder / MANIFEST),
        is_live=is_live,
    )


def commit(storage: Storage, run_folder: Path, result: Committed) -> Committed:
    """Upload a run, read it back, and claim that it counts; return what counts, which may be another attempt's.

    Raises TargetError when it can't be uploaded, or comes back changed. What does not count is removed.
    """
    try:
        upload(storage, run_folder, result)
        content = (json.dumps(asdict(result), indent=2, sort_keys=True) + "\n").encode()
        is_ours = storage.write_new(claim_of(result.fleet, result.project, result.environment), content)
    except BaseException:
        storage.remove(result.incoming)
        raise
    if is_ours:
        return finish(storage, result)
    storage.remove(result.incoming)
    counted = find_committed(storage, result.fleet, result.project, result.environment)
    if counted is None:
        raise TargetError(f"{storage.url}: what another attempt committed is gone.", fix="Run the fleet again.")
    return counted


def upload(storage: Storage, run_folder: Path, result: Committed) -> None:
    """Upload every file that the manifest lists, the seal last, and compare each with the manifest as it comes back."""
    listed = {name: file["sha256"] for name, file in json.loads((run_folder / MANIFEST).read_bytes())["files"].items()}
    seal = {MANIFEST: result.manifest_sha256, ENVELOPE: digest_file(run_folder / ENVELOPE)}
    for name, digest in {**listed, **seal}.items():
        storage.upload(run_folder / name, f"{result.incoming}/{name}")
        if storage.digest(f"{result.incoming}/{name}") != digest:
            raise TargetError(
                f"{storage.url}: {name} of {result.project}/{result.environment} came back changed after its upload.",
                fix="Check the storage, and run the fleet again.",
            )


def finish(storage: Storage, result: Committed) -> Committed:
    """Bring a claimed run's folder to its place, unless it is there; whoever sees that this was cut off does it again."""
    if storage.exists(result.incoming):
        storage.move(result.incoming, result.folder)
    return result


def find_committed(storage: Storage, fleet: str, project: str, environment: str) -> Committed | None:
    """Return what counts of a member, its folder in its place; None when nothing does yet."""
    content = storage.read(claim_of(fleet, project, environment))
    if content is None:
        return None
    return finish(storage, Committed(**json.loads(content)))

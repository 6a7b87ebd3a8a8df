"""What stands in for `python -m lib` in tests of fleets: seals a small folder as a run does, and leaves what a killed run would.

A project's file `behaviour` says more: `waits` waits for a file `go` beside it, `breaks` ends with 3 and leaves nothing.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from lib.core.files import digest_file

STRAY_S = 300
"""Seconds that a child lives that nobody waits for: longer than any test."""


def main(argv: list[str]) -> int:
    environment = argv[1]
    pack, rendered = (Path(argv[argv.index(name) + 1]) for name in ("--pack", "--rendered"))
    behaviour = (pack / "behaviour").read_text() if (pack / "behaviour").exists() else ""
    subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({STRAY_S})"], start_new_session=True)
    while "waits" in behaviour and not (pack / "go").exists():
        time.sleep(0.05)
    if "breaks" in behaviour:
        print("it broke")
        return 3
    started_at = datetime.now(UTC)
    run_id = f"{started_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    folder = rendered / pack.name / environment / run_id
    (folder / "artifacts").mkdir(parents=True)
    (folder / "evidence.jsonl").write_text((pack / "canary").read_text())
    (folder / "artifacts" / "environment.json").write_text(json.dumps(dict(os.environ)))
    (folder / "index.html").write_text(f"<p>{pack.name}</p>")
    files = {one.relative_to(folder).as_posix(): one for one in folder.rglob("*") if one.is_file()}
    manifest = {
        "run_id": run_id,
        "verdict": "NO-GO" if "fails" in behaviour else "REHEARSED",
        "finished": True,
        "partial": False,
        "started_at": started_at.isoformat(),
        "ended_at": datetime.now(UTC).isoformat(),
        "pack_commit": None,
        "files": {name: {"sha256": digest_file(path), "size_bytes": path.stat().st_size} for name, path in files.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "manifest.dsse.json").write_text("{}")
    return 1 if "fails" in behaviour else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""An attempt of a fleet whose run is the stand-in: everything else of it is the real thing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from lib.run import fleet_attempt


def task(job: Mapping[str, Any]) -> dict[str, Any]:
    """Do one attempt with the stand-in, in a worker."""
    from lib.run.cluster import in_worker

    return in_worker(job, "tests.support.stand_in_attempt")


if __name__ == "__main__":
    fleet_attempt.job_command = lambda: [sys.executable, "-m", "tests.support.stand_in_run"]
    sys.exit(fleet_attempt.main())

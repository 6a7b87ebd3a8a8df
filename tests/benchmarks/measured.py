"""Run one program and print, as JSON, the wall time and the processor time of it and of all that it started.

`python tests/benchmarks/measured.py <program> <arguments>`: what its children leave behind comes to this process, which waits
for it a little, so that servers in the background count too.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
PATIENCE_S = 10
"""Seconds in which all that a program left behind is to end by itself."""


def main() -> int:
    """Return the program's exit code; its output goes to standard error."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = time.perf_counter()
    code = subprocess.run(sys.argv[1:], stdout=sys.stderr, check=False).returncode
    wall_s = time.perf_counter() - started
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.05)
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"code": code, "wall_s": wall_s, "cpu_s": used.ru_utime + used.ru_stime}))
    return code


if __name__ == "__main__":
    sys.exit(main())

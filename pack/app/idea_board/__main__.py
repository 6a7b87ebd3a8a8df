"""Run the app: `python -m idea_board`, told by the environment where to listen and what to read.

PORT: where to listen, 8080 when not set. DATABASE_URL: the idea pool. RELEASE: the folder of the release
that is built into this image, with release.json and queries/.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from idea_board.pool import Pool
from idea_board.release import read_release
from idea_board.web import serve


def main() -> int:
    """Serve until asked to end; requests already taken are answered first."""
    release = read_release(Path(os.environ.get("RELEASE", "release")))
    pool = Pool(os.environ.get("DATABASE_URL", ""))
    pool.warm_up(release.tiles.values())
    server = serve(release, pool, host=os.environ.get("HOST", "0.0.0.0"), port=int(os.environ.get("PORT", "8080")))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    if release.crash_after_s is not None:
        crash = threading.Timer(release.crash_after_s, os._exit, [70])
        crash.daemon = True
        crash.start()
    print(f"idea board {release.version} listens on port {server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.02)
    server.answer_waiting()
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

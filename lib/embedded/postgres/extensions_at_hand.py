"""Which of hosted's extensions each version of the embedded PostgreSQL has for real, simulates, or lacks."""

from __future__ import annotations

from lib.embedded.postgres.binaries import VECTOR_MAJOR
from lib.embedded.postgres.overlay import EXTENSIONS_FOR_POSTGRES
from lib.embedded.postgres.stand_ins import ABSENT, STAND_INS

REAL, SIMULATED, MISSING = "real", "simulated", "absent"


def every_extension() -> list[str]:
    """Return hosted's extensions, sorted."""
    return sorted({*EXTENSIONS_FOR_POSTGRES, *STAND_INS, *ABSENT})


def state_of(name: str, major: int) -> str:
    """Return REAL, SIMULATED or MISSING for one extension in one version of PostgreSQL, as these packages have it."""
    if name == "vector":
        return REAL if major == VECTOR_MAJOR else SIMULATED
    if name in STAND_INS:
        return SIMULATED if STAND_INS[name].exists_for(major) else MISSING
    return MISSING if name in ABSENT else REAL

"""Where this checkout is."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: where params/, notebooks/ and rendered/ are."""

"""What SECONDS may say, and one clear line for what it may not."""

from __future__ import annotations

import pytest

from lib.cli.faults import LONGEST_S, THOROUGH_S, read_seconds
from lib.core.errors import ParamsError


@pytest.mark.parametrize(
    ("text", "seconds"), [("", THOROUGH_S), (" ", THOROUGH_S), ("60", 60), (" 2.5 ", 2.5), ("86400", LONGEST_S)]
)
def test_seconds_are_read(text: str, seconds: float) -> None:
    assert read_seconds(text) == seconds


@pytest.mark.parametrize("text", ["abc", "0", "-1", "nan", "inf", "1e9", "10s", "1,5"])
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ParamsError, match=r"is no number of seconds\. Fix: Write a number up to 86,400") as caught:
        read_seconds(text)
    assert len(caught.value.problems) == 1

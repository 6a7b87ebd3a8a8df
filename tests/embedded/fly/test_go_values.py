"""Values are shown as Go shows them, those that are no number included."""

from __future__ import annotations

from typing import Any

import pytest

from lib.embedded.fly.go_values import show


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2.0, "2"), (1e21, "1e+21"), (0.5, "0.5"), (1e-7, "1e-07"), (float("nan"), "NaN"), (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"), (True, "true"), ({"b": [1, float("inf")], "a": "x"}, "map[a:x b:[1 +Inf]]"),
    ],
)  # fmt: skip
def test_a_value_is_shown_as_go_prints_it(value: Any, shown: str) -> None:
    assert show(value) == shown

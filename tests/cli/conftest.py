"""One whole run of the sample for all tests that read one: it takes a minute."""

from __future__ import annotations

import pytest

from tests.support.launch import Done, run_lib


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return run_lib("staging", rendered=tmp_path_factory.mktemp("whole"))

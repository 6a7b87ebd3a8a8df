"""A cell says what takes long, in a kernel that somebody watches, and nothing of it is left; elsewhere it is silent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from lib.core.paths import ROOT
from lib.notebook import telling

TIMEOUT_S = 60
SETUP = "import time\nfrom lib.notebook import telling\ntelling.TICK_S = 0.05"


def start(**variables: str) -> tuple[KernelManager, BlockingKernelClient]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "PYTHONPATH": str(ROOT), **variables}, cwd=str(ROOT))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=TIMEOUT_S)
    execute(client, SETUP)
    return manager, client


@pytest.fixture(scope="module")
def watched() -> Iterator[BlockingKernelClient]:
    """Yield a kernel as a Jupyter server starts it for an open notebook."""
    manager, client = start(JPY_SESSION_NAME="a.ipynb")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def execute(client: BlockingKernelClient, code: str) -> list[tuple[str, dict[str, Any]]]:
    """Return every message about the output of one cell, in order."""
    messages: list[tuple[str, dict[str, Any]]] = []
    client.execute_interactive(
        code, timeout=TIMEOUT_S, output_hook=lambda one: messages.append((one["header"]["msg_type"], one["content"]))
    )
    return [one for one in messages if one[0] not in ("status", "execute_input")]


def stored(messages: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """Return what of a cell's output a notebook stores, as JupyterLab adds it up."""
    outputs: dict[str, str] = {}
    for place, (kind, content) in enumerate(messages):
        if kind == "clear_output":
            assert content["wait"] is False
            outputs.clear()
        elif kind in ("display_data", "update_display_data"):
            outputs[content["transient"]["display_id"]] = content["data"].get("text/html", content["data"]["text/plain"])
        else:
            outputs[str(place)] = content.get("text") or content.get("data", {}).get("text/plain") or content.get("ename", "")
    return list(outputs.values())


def test_it_says_what_is_done_and_for_how_long_and_leaves_nothing(watched: BlockingKernelClient) -> None:
    code = "with telling.telling('Looking <at>') as tell:\n    time.sleep(.2)\n    tell('Trying')\n    time.sleep(.2)\n1 + 1"
    messages = execute(watched, code)
    said = [content["data"]["text/plain"] for kind, content in messages if kind.endswith("display_data")]
    assert said[0] == "Looking <at> …" and len(said) > 4
    assert any(one.startswith("Looking <at> … ") for one in said) and any(one.startswith("Trying … ") for one in said)
    assert "&lt;at&gt;" in messages[0][1]["data"]["text/html"]
    assert stored(messages) == ["2"]


def test_what_the_cell_puts_out_besides_stays(watched: BlockingKernelClient) -> None:
    code = "print('before')\nwith telling.telling('Looking'):\n    time.sleep(.1)\n    print('within')\n'after'"
    shown = stored(execute(watched, code))
    assert [one.strip() for one in shown if one.strip()] == ["before", "within", "'after'"]
    assert "Looking" not in "".join(shown)


def test_a_cell_that_raises_leaves_its_error_alone(watched: BlockingKernelClient) -> None:
    assert stored(execute(watched, "with telling.telling('Looking'):\n    time.sleep(.1)\n    1 / 0")) == ["ZeroDivisionError"]


def test_what_begins_with_an_import_ends_with_the_cell(watched: BlockingKernelClient) -> None:
    messages = execute(watched, "telling.begin()")
    assert messages[0][1]["data"]["text/plain"] == "Loading the workbook …"
    assert stored(messages) == []
    assert stored(execute(watched, "2 + 2")) == ["4"]


@pytest.mark.parametrize(("code", "left"), [("1 / 0", "ZeroDivisionError"), ("6 * 7", "42"), ("1 +", "SyntaxError")])
def test_what_a_cell_came_to_after_its_import_stays(watched: BlockingKernelClient, code: str, left: str) -> None:
    messages = execute(watched, f"telling.begin()\n{code}")
    assert [one for one in stored(messages) if one] == [left]


def test_a_mistake_is_its_sentence_without_a_traceback(watched: BlockingKernelClient) -> None:
    code = "from lib.core.errors import ParamsError\nraise ParamsError(['One.', 'Two.'])"
    [(kind, content)] = execute(watched, code)
    assert (kind, content["ename"], content["evalue"], content["traceback"]) == (
        "error",
        "ParamsError",
        "One.\nTwo.",
        ["One.\nTwo."],
    )


def test_where_nobody_watches_it_is_silent() -> None:
    manager, client = start()
    try:
        assert execute(client, "with telling.telling('Looking') as tell:\n    time.sleep(.2)\n    tell('Trying')") == []
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    with telling.telling("Looking") as tell:
        tell("Trying")
    assert telling.line() is None

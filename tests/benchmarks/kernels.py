"""One kernel from its start to its end with the imports of a notebook, each way that there is to start one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jupyter_client.manager import start_new_kernel

from tests.benchmarks.rounds import Benchmark, Variant, timed
from tests.benchmarks.server import cpu_of_us

CODE = "import pandas, lib.notebook.session\nfrom matplotlib import pyplot\npyplot.plot([1, 2])\npyplot.show()"
TIMEOUT_S = 120


def run_ordinary() -> None:
    """Start an ordinary kernel, execute the code, and end it."""
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=TIMEOUT_S)
    try:
        kinds = []
        reply = client.execute_interactive(CODE, timeout=TIMEOUT_S, output_hook=lambda message: kinds.append(message["msg_type"]))
        assert reply["content"]["status"] == "ok", reply["content"]
        assert "display_data" in kinds
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=False)


WAYS: dict[str, Callable[[], None]] = {"ordinary kernel": run_ordinary}
"""Way -> what starts such a kernel, executes CODE in it, finds its plot, and ends it."""


@contextmanager
def open_benchmark() -> Iterator[list[Benchmark]]:
    """Yield one kernel in each way."""
    yield [
        Benchmark(
            name="kernels",
            title="One kernel, start to end",
            what="It starts, imports what a notebook does, shows a plot and ends.",
            variants=[Variant(name=name, once=lambda work=work: timed(work, cpu_of_us)) for name, work in WAYS.items()],
            pairs=[(name, "ordinary kernel", "<= 0.40") for name in WAYS if name != "ordinary kernel"],
        )
    ]

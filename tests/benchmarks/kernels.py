"""One kernel from its start to its end with the imports of a notebook, each way that there is to start one."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import new_code_cell, new_notebook

from lib.run.kernels import KernelSlot, execute_notebook
from lib.run.warm_kernels import WarmKernels, start_warm_kernels
from lib.tasks.base import Task
from tests.benchmarks.rounds import Benchmark, Variant, timed
from tests.benchmarks.server import cpu_of_us

CODE = "import pandas, lib.notebook.session\nfrom matplotlib import pyplot\npyplot.plot([1, 2])\npyplot.show()"
TIMEOUT_S = 120
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
MARK = "benchmark"


def run_of_jupyter() -> None:
    """Start a kernel as jupyter_client does, execute the code, and end it."""
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=TIMEOUT_S, stderr=subprocess.DEVNULL)
    try:
        kinds = []
        reply = client.execute_interactive(CODE, timeout=TIMEOUT_S, output_hook=lambda message: kinds.append(message["msg_type"]))
        assert reply["content"]["status"] == "ok", reply["content"]
        assert "display_data" in kinds
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=False)


def run_of_ours(notebook: Path, warm: WarmKernels | None) -> None:
    """Execute the notebook as a run does, in a warm kernel where there is a server for it."""
    with tempfile.TemporaryDirectory() as folder:
        ended = execute_notebook(
            Task(name="benchmark", title="benchmark", notebook=str(notebook), checks=()),
            {},
            run_file=Path(folder) / "run.json",
            folder=Path(folder),
            timeout_s=TIMEOUT_S,
            slot=KernelSlot(mark=f"{MARK}/one"),
            warm=warm,
        )
        assert (ended.ended, ended.problem) == ("ready", "")
        outputs = [one for cell in nbformat.read(ended.notebook, 4).cells for one in cell.get("outputs", [])]
        assert "display_data" in [one["output_type"] for one in outputs]


@contextmanager
def open_benchmark() -> Iterator[list[Benchmark]]:
    """Yield one kernel in each way; the warm server is started before, as a run starts it beside its other parts."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder) / "benchmark.ipynb"
        nbformat.write(new_notebook(cells=[new_code_cell(CODE)], metadata=KERNEL), notebook)
        with start_warm_kernels([notebook], mark=MARK) as warm:
            run_of_ours(notebook, warm)  # the server has imported everything once the first kernel has ended
            ways: dict[str, Callable[[], None]] = {
                "warm kernel, papermill": lambda: run_of_ours(notebook, warm),
                "ordinary kernel, papermill": lambda: run_of_ours(notebook, None),
                "ordinary kernel, jupyter_client": run_of_jupyter,
            }
            first, *others = ways
            yield [
                Benchmark(
                    name="kernels",
                    title="One kernel, start to end",
                    what="It starts, imports what a notebook does, shows a plot, ends. The warm server's start is not counted.",
                    variants=[Variant(name=name, once=lambda work=work: timed(work, cpu_of_us)) for name, work in ways.items()],
                    pairs=[(first, other, "<= 0.40") for other in others],
                )
            ]

"""Ways in which others execute notebooks and render them: `python -m tests.benchmarks.peers pool <notebooks> <folder>`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

WORKERS = 2


def execute(notebook: Path, folder: Path) -> None:
    """Execute one notebook on its own defaults with papermill, and render it as nbconvert does.

    A notebook that is not ready has done all its work: by itself the summary finds no run to sum up.
    """
    import nbformat
    import papermill
    from nbconvert import HTMLExporter

    output = folder / notebook.name
    try:
        papermill.execute_notebook(str(notebook), str(output), progress_bar=False, cwd=str(notebook.parent))
    except papermill.exceptions.PapermillExecutionError as exc:
        if exc.ename != "NotReadyError":
            raise
    page, _ = HTMLExporter().from_notebook_node(nbformat.read(output, as_version=4))
    output.with_suffix(".html").write_text(page, encoding="utf-8")


def pool(notebooks: Sequence[Path], folder: Path) -> None:
    """Two processes, each notebook in the first that is free."""
    with ProcessPoolExecutor(WORKERS) as processes:
        for done in [processes.submit(execute, notebook, folder) for notebook in notebooks]:
            done.result()


def loop(notebooks: Sequence[Path], folder: Path) -> None:
    """A loop of the shell: papermill, then nbconvert, a notebook after the other."""
    for notebook in notebooks:
        output = folder / notebook.name
        run("papermill", "--no-progress-bar", "--cwd", str(notebook.parent), str(notebook), str(output), may_fail=True)
        run("nbconvert", "--to", "html", str(output))


def nbconvert(notebooks: Sequence[Path], folder: Path) -> None:
    """One `nbconvert --execute` for all of them."""
    run("nbconvert", "--to", "html", "--execute", "--allow-errors", "--output-dir", str(folder), *map(str, notebooks))


def dask(notebooks: Sequence[Path], folder: Path) -> None:
    """papermill on a cluster of two dask workers on this machine."""
    from dask.distributed import Client, LocalCluster

    with LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.gather([client.submit(execute, notebook, folder, pure=False) for notebook in notebooks])


def ploomber(notebooks: Sequence[Path], folder: Path) -> None:
    """A DAG of ploomber without edges, two tasks at once."""
    from ploomber import DAG
    from ploomber.executors import Parallel
    from ploomber.products import File
    from ploomber.tasks import NotebookRunner

    dag = DAG(executor=Parallel(processes=WORKERS))
    for notebook in notebooks:
        NotebookRunner(notebook, File(str(folder / f"{notebook.stem}.html")), dag=dag, kernelspec_name="python3")
    dag.build()


def run(module: str, *arguments: str, may_fail: bool = False) -> None:
    """Run a program of Jupyter's. may_fail: papermill's exit code can't tell a notebook that is not ready from a broken one."""
    subprocess.run([sys.executable, "-m", module, *arguments], check=not may_fail)


PEERS: dict[str, Callable[[Sequence[Path], Path], None]] = {
    "pool": pool,
    "loop": loop,
    "nbconvert": nbconvert,
    "dask": dask,
    "ploomber": ploomber,
}


if __name__ == "__main__":
    PEERS[sys.argv[1]](sorted(Path(sys.argv[2]).glob("*.ipynb")), Path(sys.argv[3]))

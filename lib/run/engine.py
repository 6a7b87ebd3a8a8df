"""papermill's own engine, but that it writes the notebook down less often.

papermill writes the whole notebook at the start and at the end of every cell, validated each time: a third of the processor
time that the runner spends on a notebook. What was looked at is in the evidence, a line a check, as it happens.
"""

from __future__ import annotations

from typing import Any

from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

ENGINE = "launch"
SAVE_EVERY_S = 2.0
"""Seconds between two times that a notebook is written down: what a runner that is killed may take of a page with it."""


class SparingManager(NotebookExecutionManager):  # type: ignore[misc]
    """A notebook while it is executed: written down when it starts, when it ends, and every few seconds in between."""

    is_saved = False

    def save(self, **changes: Any) -> None:
        """Write the notebook down where that is due."""
        waited_s = (self.now() - self.last_save_time).total_seconds()
        if not self.is_saved or self.end_time is not None or waited_s >= SAVE_EVERY_S:
            self.is_saved = True
            super().save(**changes)
        elif changes.get("nb"):
            self.nb = changes["nb"]


class SparingEngine(NBClientEngine):  # type: ignore[misc]
    """What executes a run's notebooks."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **options: Any,
    ) -> Any:
        """Execute a notebook as papermill's engine does."""
        kept = SparingManager(nb, output_path, log_output, progress_bar, autosave_cell_every)
        kept.notebook_start()
        try:
            cls.execute_managed_notebook(kept, kernel_name, log_output=log_output, **options)
        finally:
            kept.cleanup_pbar()
            kept.notebook_complete()
        return kept.nb


papermill_engines.register(ENGINE, SparingEngine)

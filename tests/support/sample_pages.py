"""A made-up run to render: evidence, notebooks and figures of every kind a page must carry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lib.core.results import Outcome, Provenance
from lib.core.verdict import State, Verdict
from lib.display.tables import make_table
from lib.reporters.html.model import (
    CauseRow,
    Change,
    CheckRow,
    FileLink,
    FirstScreen,
    NextStep,
    PageHeader,
    RunSummary,
    SinceLast,
    TaskRow,
)
from lib.tasks.readiness_summary.figures import run_timeline
from lib.tasks.rls.figures import matrix_heat_map

RUN = "20261123T114500Z-kfqz"
LOCKS = [
    {
        "migration": f"2025100{day}090000_{name}.sql",
        "scale": scale,
        "time_ms": 40.0 * scale,
        "longest_exclusive_ms": lock * scale,
        "table": "ideas",
    }
    for day, name, lock in ((1, "idea_pool", 0), (2, "rollups", 30.0))
    for scale in (1, 10)
]
STAGES = [{"stage": "schema", "seconds": 0.8}, {"stage": "data", "seconds": 2.4}]


def row(check: str, outcome: Outcome = Outcome.PASS, **changes: Any) -> CheckRow:
    """Return one made-up row of results."""
    facts = {
        "title": "Every table has row level security switched on",
        "task": check.partition(".")[0],
        "gate": True,
        "provenance": Provenance.EMBEDDED,
        "observed": 12,
        "expected": 12,
        "unit": "tables",
        "detail": "All 12 tables of the exposed schemas have it on.",
        "started_at": "2026-11-23T11:45:12+00:00",
        "duration_s": 0.42,
        "artifacts": (FileLink(path="artifacts/rls/tables.json", sha256="9f" * 32),),
    }
    return CheckRow(check=check, outcome=outcome, **{**facts, **changes})


def rls_rows() -> tuple[CheckRow, ...]:
    """Return the rows of a task where one gate failed, one could not look, and one advisory failed."""
    return (
        row("rls.every_table_enabled"),
        row(
            "rls.matrix_matches",
            Outcome.FAIL,
            title="Each role can do exactly what is declared, and nothing else",
            observed=2,
            expected=0,
            unit="mismatches",
            detail="anon may delete from ideas, declared deny; alice may update every row of idea_tags, declared own rows.",
            fix=("open artifacts/rls/matrix.json, then narrow the policies ideas_delete and idea_tags_update.",),
        ),
        row(
            "rls.pgtap_passes",
            Outcome.ERROR,
            title="The pack's own policy tests pass",
            observed=None,
            expected=None,
            unit=None,
            detail="supabase/tests/03_views.sql ran no test.",
            fix=("add a plan and at least one assertion, or remove the file.",),
            command="psql --no-psqlrc --file supabase/tests/03_views.sql",
            exit_code=0,
        ),
        row(
            "rls.no_policy_without_rls",
            title="No policy lies idle on a table without row level security",
            observed=0,
            expected=0,
            unit="policies",
            detail="Looked at 31 policies.",
        ),
        row(
            "rls.views_are_invokers",
            Outcome.SKIP,
            title="Views run with the rights of who asks",
            observed=None,
            expected=None,
            unit=None,
            detail="The pack declares no view in an exposed schema.",
        ),
        row(
            "rls.policies_are_cheap",
            Outcome.FAIL,
            gate=False,
            title="No policy calls auth.uid() once a row",
            observed=3,
            expected=0,
            unit="policies",
            detail="ideas_select, ideas_update and idea_votes_select call auth.uid() for every row.",
            fix=("wrap the call as (select auth.uid()).",),
        ),
        row(
            "rls.definers_pin_their_path",
            title="Security definer functions have a fixed search path",
            observed=["search_path=''"],
            expected=["search_path=''"],
            unit=None,
            detail="One function: public.submit_idea.",
        ),
    )


def matrix() -> list[dict[str, str]]:
    """Return a probed permission matrix with two mismatches."""
    cells = []
    for table in ("ideas", "idea_votes", "idea_drafts", "idea_tags", "workspaces", "analytics_facts", "ingestion_log"):
        for identity in ("anon", "alice", "bob", "service_role"):
            for verb in ("select", "insert", "update", "delete"):
                said = (
                    "allow"
                    if identity == "service_role"
                    else "deny"
                    if identity == "anon"
                    else "workspace"
                    if verb == "select"
                    else "own"
                )
                cells.append({"table": table, "identity": identity, "verb": verb, "expected": said, "observed": said})
    cells[3]["observed"] = "allow"
    cells[54]["observed"] = "allow"
    return cells


def shown(value: Any) -> NotebookNode:
    """Return a value as the output of a cell, through its own mime bundle."""
    bundle = value._repr_mimebundle_()
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    return new_output("execute_result", data=data, metadata=metadata)


def code(source: str, *outputs: NotebookNode, tags: tuple[str, ...] = ()) -> NotebookNode:
    """Return an executed code cell."""
    return new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


def rls_notebook() -> NotebookNode:
    """Return an executed notebook with prose, tables, a figure, printed text and its gate's error."""
    tables = make_table(
        [
            {"schema": "public", "table": cell, "rls": "pass", "policies": count, "rows": count * 1204}
            for cell, count in (
                ("ideas", 5),
                ("idea_votes", 4),
                ("idea_drafts", 4),
                ("idea_tags", 3),
                ("workspaces", 2),
                ("analytics_facts", 1),
                ("ingestion_log", 1),
            )
        ],
        "Every table of the exposed schemas",
        artifact="artifacts/rls/tables.json",
    )
    return new_notebook(
        cells=[
            new_markdown_cell(
                "# Row level security\n\n**The question.** Can each role do exactly what is declared, and nothing else?\n\n"
                "It is *not ready* when any role may do more or less than the matrix says. Who acts: the owner of the feature "
                "pack; the way to go is in [the runbook](docs/runbook.md)."
            ),
            code(
                'environment = "local"  # name of a file in params/\nstatement_timeout_s = 10  # s, longest one probe may take\n'
                'schemas = ["public"]  # schemas exposed through the API',
                tags=("parameters",),
            ),
            code('environment = "staging"\nstatement_timeout_s = 10\nschemas = ["public"]', tags=("injected-parameters",)),
            code(
                "from lib.notebook.session import open_task\nfrom lib.tasks.rls import figures\n"
                "from lib.tasks.rls import looks as rls\n\n"
                'task = open_task("rls", environment=environment)'
            ),
            new_markdown_cell(
                "## Is it switched on everywhere?\n\nThe table lists each table of an exposed schema. "
                "A table without row level security can be read by anyone who has the public key."
            ),
            code("seen = task.look(rls.look_at_tables)\nseen", shown(tables)),
            new_markdown_cell("A table whose column `rls` says *failed* is open. The rest are judged by their policies below."),
            new_markdown_cell(
                "## What can each role really do?\n\nEach verb is tried as each role, in a transaction that is rolled back."
            ),
            code("figures.matrix_heat_map(seen.facts)", shown(matrix_heat_map(matrix()))),
            new_markdown_cell(
                "A red frame marks a cell that differs from what is declared.\n\n"
                "| letter | meaning |\n| --- | --- |\n| A | allowed, every row |\n| O | own rows only |\n\n"
                "```sql\nselect * from ideas;\n```"
            ),
            code(
                'print("probing 176 cells")',
                new_output("stream", name="stdout", text="\x1b[32mprobing 176 cells\x1b[0m\ndone in 63 ms\n"),
            ),
            new_markdown_cell("## The verdict", metadata={"tags": ["remove-cell"]}),
            code(
                "task.verdict_table()",
                shown(make_table([{"check": "rls.every_table_enabled", "result": "pass"}], "Every check of rls")),
                tags=("remove-cell",),
            ),
            code(
                "task.require_ready()",
                new_output("error", ename="NotReadyError", evalue="rls is not ready", traceback=["\x1b[31mNotReadyError\x1b[0m"]),
                tags=("remove-cell",),
            ),
        ]
    )


def header(**changes: Any) -> PageHeader:
    """Return the head of the sample's task page."""
    facts: dict[str, Any] = {
        "environment": "staging",
        "run_id": RUN,
        "task": "rls",
        "title": "Row level security",
        "verdict": Verdict.NO_GO,
        "sentence": "Not ready: 2 of 6 gates failed, and 1 could not be determined.",
        "started_at": "2026-11-23T11:45:12+00:00",
        "duration_s": 6.04,
        "pack": "idea-pool-and-analytics",
        "commit": "4c0c4b8f1d2e7a905be6f1b2d6c8aa7710e4d93f",
        "rehearsed": True,
        "notebook": "rls.ipynb",
        "checks": rls_rows(),
    }
    return PageHeader(**{**facts, **changes})


def spans() -> list[dict[str, Any]]:
    """Return when each task of the sample ran."""
    return [
        {
            "task": "Migrations",
            "started_at": "2026-11-23T11:45:00+00:00",
            "ended_at": "2026-11-23T11:45:12+00:00",
            "state": "passed",
        },
        {
            "task": "Seed fixtures",
            "started_at": "2026-11-23T11:45:12+00:00",
            "ended_at": "2026-11-23T11:45:15.4+00:00",
            "state": "passed",
        },
        {
            "task": "Row level security",
            "started_at": "2026-11-23T11:45:15.5+00:00",
            "ended_at": "2026-11-23T11:45:21.6+00:00",
            "state": "failed",
        },
        {
            "task": "Backup and restore",
            "started_at": "2026-11-23T11:45:15.5+00:00",
            "ended_at": "2026-11-23T11:45:27+00:00",
            "state": "not determined",
        },
    ]


def summary_notebook() -> NotebookNode:
    """Return the executed summary notebook of the sample."""
    return new_notebook(
        cells=[
            new_markdown_cell(
                "# Readiness summary\n\n**The question.** Is this feature pack ready to launch in this environment, "
                "and can we prove it?"
            ),
            code('environment = "staging"  # name of a file in params/', tags=("parameters",)),
            new_markdown_cell("## Each task", metadata={"tags": ["in-header"]}),
            code("task.show(rows)", shown(make_table([{"task": "said above"}], "Every task")), tags=("in-header",)),
            new_markdown_cell("## How the time went\n\nEach bar runs from a task's first look to the end of its last."),
            code("figures.run_timeline(spans)", shown(run_timeline(spans()))),
        ]
    )


def summary(**changes: Any) -> RunSummary:
    """Return the sample run's summary: NO-GO, with what changed since the run before."""
    checks = (
        *(row(f"migrations.sample_{number}", title="A sample") for number in range(11)),
        *rls_rows(),
        row(
            "backup_restore.fits_rto",
            Outcome.ERROR,
            title="A restore fits the recovery time objective",
            observed=None,
            expected=60,
            unit="s",
            detail="The dump stopped: no space left on device.",
            fix=("free at least 1.2 GB in the work folder, run again.",),
        ),
    )
    counts = {"pass": 11, "fail": 0, "skip": 0, "error": 0}
    tasks = (
        TaskRow(
            task="migrations",
            title="Migrations",
            state=State.PASSED,
            counts=counts,
            duration_s=12,
            provenance=Provenance.EMBEDDED,
            page="migrations.html",
        ),
        TaskRow(
            task="seed",
            title="Seed fixtures",
            state=State.PASSED,
            counts={**counts, "pass": 6},
            duration_s=3.4,
            provenance=Provenance.EMBEDDED,
            page="seed.html",
        ),
        TaskRow(
            task="rls",
            title="Row level security",
            state=State.FAILED,
            counts={"pass": 3, "fail": 2, "skip": 1, "error": 1},
            duration_s=6.1,
            provenance=Provenance.EMBEDDED,
            page="rls.html",
        ),
        TaskRow(
            task="backup_restore",
            title="Backup and restore",
            state=State.NOT_DETERMINED,
            counts={**counts, "pass": 7, "error": 1},
            duration_s=11.5,
            provenance=Provenance.EMBEDDED,
            page="backup_restore.html",
        ),
    )
    facts: dict[str, Any] = {
        "header": header(
            title="Readiness summary",
            task="readiness_summary",
            duration_s=31.2,
            notebook="readiness_summary.ipynb",
            checks=checks,
        ),
        "tasks": tasks,
        "previous": "20261122T090210Z-wmrt",
        "changes": (
            Change(
                check="rls.matrix_matches",
                title="Each role can do exactly what is declared",
                before=Outcome.PASS,
                now=Outcome.FAIL,
            ),
            Change(
                check="seed.counts_match",
                title="Every table holds the rows the fixtures declare",
                before=Outcome.FAIL,
                now=Outcome.PASS,
            ),
            Change(
                check="migrations.rollbacks_work", title="Each rollback file undoes its migration", before=None, now=Outcome.PASS
            ),
        ),
        "files": tuple(
            FileLink(
                path=f"artifacts/rls/{name}.json",
                size_bytes=4096 * (place + 1),
                sha256=f"{place:02x}" * 32,
                about="data of a table",
            )
            for place, name in enumerate(("tables", "matrix", "policies", "pgtap"))
        ),
    }
    return RunSummary(**{**facts, **changes})


def first_screen() -> FirstScreen:
    """Return the first screen of a red run: two causes, what to run next, what changed."""
    cause = CauseRow(
        check="rls.matrix_matches",
        title="Each role can do exactly what is declared, and nothing else",
        outcome=Outcome.FAIL,
        seen="anon may delete from ideas, declared deny; alice may update every row of idea_tags, declared own rows.",
        owner="db@example.com",
        waiting=3,
        page="rls.html#rls.matrix_matches",
    )
    return FirstScreen(
        causes=(cause, replace(cause, outcome=Outcome.ERROR, owner="", waiting=1)),
        more_causes=2,
        next_step=NextStep(
            words="Mend what stops it, then look again:",
            command="make readiness ENV=staging ONLY=rls,seed PACK='../my project'",
            names=("STAGING_DATABASE_URL", "STAGING_FLY_API_TOKEN", "STAGING_VAULT_URL", "STAGING_GITHUB_TOKEN"),
        ),
        since=SinceLast(run_id=RUN, started_at="2026-11-22T11:45:00+00:00", is_here=True, better=1, worse=3),
        realness={where: number for number, where in enumerate(Provenance, start=3)},
    )

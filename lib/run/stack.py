"""What a run or a notebook stands on: the embedded server, the stand-ins, the private folder, the run file.

A live environment gets its own targets and still an embedded server, for twins and restores.
"""

from __future__ import annotations

import os
import secrets
import shutil
import string
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lib.clients.fly.digest_notes import notes_name
from lib.clients.supabase.cli import open_cli, stage_project
from lib.clients.supabase.project_config import read_api_schemas, read_exposes_tables
from lib.clients.supabase.rehearsal_rows import fill_embedded
from lib.clients.supabase.seed_files import check_seed
from lib.core.errors import CommandError, WorkbookError
from lib.core.paths import ROOT
from lib.core.redact import known_secrets, password_of, register_secrets
from lib.core.run_mark import marked
from lib.embedded.fly.control import Refused, call
from lib.embedded.fly.start import EmbeddedFly, Switches, app_names, start_fly
from lib.embedded.leftovers import clean_leftovers, new_lease, remove_folder, write_lease
from lib.embedded.memory import make_small_folder
from lib.embedded.postgres.previous_schema import make_previous_schema
from lib.embedded.postgres.server import EmbeddedPostgres, start_postgres
from lib.embedded.state_folders import own_folder, state_base
from lib.embedded.strays import end_strays
from lib.embedded.vendors.credentials import CredentialServices, note_digests, start_credential_stand_ins
from lib.embedded.vendors.postgrest import Postgrest
from lib.embedded.vendors.start import RunningServices, start_stand_ins
from lib.run.address import stand_in
from lib.run.inputs import digest_inputs
from lib.run.known_credentials import know_credentials
from lib.run.notebook_parameters import own_problem
from lib.run.own_tasks import stage_own_tasks
from lib.run.params import Params, history_url
from lib.run.run_file import RunFile
from lib.run.server_version import choose_server, own_programs
from lib.run.targets import SECRET_PARTS
from lib.tasks.index import task_named
from lib.transport.database import Database

TOOLS = ROOT / ".tools"
RUN_FILE = "run.json"
UNKEPT = "unkept"
"""Folder beside the runs' private ones, for evidence that a run's own folder could not take."""
FLY_SUFFIX = "-fly"
"""Of the folder in which the stand-in for Fly.io keeps its state, beside the run's own."""
PREVIOUS_SCHEMA_TIMEOUT_S = 60
"""Seconds for one file of the pack on the database that is a release behind; the sample's longest takes 0.1."""
Lend = Callable[[Path], EmbeddedPostgres]
"""Returns a server that others use too, for the stack whose state folder is given; its `stop` takes away this stack's part."""
CREDENTIAL_TARGETS = {"vault", "github"}
"""With one of these the vault is read once before anything else is done, so that none of its values is ever shown."""


def new_run_id(now: datetime) -> str:
    """Return an id that sorts by time and no other run of the same second has."""
    letters = "".join(secrets.choice(string.ascii_lowercase) for _ in range(4))
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{letters}"


def clean_up_leftovers(*, before: Callable[[Path], object] = lambda _: None) -> int:
    """End and remove what killed runs of this checkout left behind, and return how many there were.

    before: what is done with a killed run's folder once nothing of it runs, before it is removed.
    """
    cleaned = clean_leftovers(state_base(ROOT), before=before)
    return len({folder.name.removesuffix(FLY_SUFFIX) for folder in cleaned})


@contextmanager
def start_stack(
    params: Params,
    *,
    run_id: str,
    project: str,
    run_folder: Path,
    rendered: Path,
    tasks: tuple[str, ...],
    reused: Collection[str] = (),
    lend: Lend | None = None,
) -> Iterator[RunFile]:
    """Yield the run file of a standing stack, and take the stack down whatever happens.

    Only what the tasks look at is started; nothing for those of `reused`, whose results are there already. project: whose runs
    they are. rendered: the folder that keeps every project's. lend: see `start_stack_for`.
    """
    applying = [name for name in tasks if name not in params.not_applicable and name not in reused]
    targets = {target for name in applying for target in task_named(name).targets} - params.not_applicable.keys()
    about = {"run_id": run_id, "project": project, "run_folder": run_folder, "rendered": rendered, "tasks": tasks}
    with start_stack_for(params, targets, about=about, lend=lend) as run:
        yield run


@contextmanager
def start_stack_for(
    params: Params, targets: set[str], *, about: Mapping[str, Any], lend: Lend | None = None
) -> Iterator[RunFile]:
    """Yield the run file of a stack for these targets; the database server is started only for the database.

    about: the run's id, project, folders and tasks, as the run file has them. lend: returns a database server that is
    there already, for the state folder of this stack; without it one is started.
    """
    run_id = about["run_id"]
    known = know_credentials(params)
    with ExitStack() as standing:
        state = state_base(ROOT) / run_id
        standing.enter_context(marked(run_id))
        standing.callback(end_strays, run_id)
        needs_server = "database" in targets - params.missing.keys()
        server: EmbeddedPostgres | None = None
        if needs_server and lend is None:
            server = start_postgres(
                state,
                tools=TOOLS,
                major=choose_server(params).major,
                auto_expose_new_tables=read_exposes_tables(params.pack),
                installation=own_programs(params),
                in_memory="database" not in params.addresses,
            )
        else:
            make_state_folder(state)
            standing.callback(remove_folder, state)
            server = lend(state) if needs_server and lend is not None else None
        if server is not None:
            standing.callback(server.stop)
        work = state / "work"
        work.mkdir(mode=0o700)
        stood_in = {target for target in targets if target not in params.addresses and target not in params.missing}
        stand_ins = standing.enter_context(start_stand_ins(stood_in, params.embedded, work)) if stood_in - {"database"} else None
        credentials = standing.enter_context(start_credentials(params, stood_in, work)) if CREDENTIAL_TARGETS & targets else None
        if credentials is not None and stand_ins is not None:
            stand_ins = replace(
                stand_ins,
                services={**stand_ins.services, **credentials.services},
                planted=(*stand_ins.planted, *credentials.planted),
            )
        if server is not None and "database" in stood_in:
            stand_ins = with_api(stand_ins, standing.enter_context(start_api(params, server, work)))
        fly_secrets = credentials.fly_secrets if credentials else {}
        behind = make_database_behind(params, server) if "fly" in stood_in else None
        fly = (
            standing.enter_context(start_fly_stand_in(params, server, behind, run_id, fly_secrets)) if "fly" in stood_in else None
        )
        if fly is not None and credentials is not None:
            note_synced(fly, params.sections["credentials"].fly_app, credentials, work)
        run = describe_run(
            params,
            targets,
            server,
            stand_ins,
            work=work,
            about=about,
        )
        secrets_known = tuple(dict.fromkeys((*run.secrets, *known.values, *known_secrets())))
        run = run.model_copy(
            update={**describe_fly(params, fly, behind, run.services), "secrets": secrets_known, "unread_vault": known.unread}
        )
        register_secrets(run.secrets)
        run.write(run.work / RUN_FILE)
        yield run


def start_api(params: Params, server: EmbeddedPostgres, work: Path) -> Postgrest:
    """Return the stand-in of the REST API over the embedded database, to be entered."""
    return Postgrest(server.superuser_url, schemas=read_api_schemas(params.pack), folder=work)


def with_api(stand_ins: RunningServices | None, api: Postgrest) -> RunningServices:
    """Return what stands in, with the REST API, which goes with the database."""
    services, planted = (stand_ins.services, stand_ins.planted) if stand_ins is not None else ({}, ())
    return RunningServices(services={**services, "api": api.parts}, planted=(*planted, *api.planted))


def start_credentials(params: Params, stood_in: set[str], work: Path) -> AbstractContextManager[CredentialServices]:
    """Return the stand-ins of the vault and of GitHub, to be entered, and what the Fly app's has.

    The vault's values are known from then on.
    """
    return start_credential_stand_ins(
        sorted(stood_in),
        params.sections["credentials"],
        params.embedded.credentials,
        pack=params.pack,
        folder=work,
        live=params.addresses,
    )


def make_database_behind(params: Params, server: EmbeddedPostgres | None) -> Database | None:
    """Return the database that is a release behind, for the app that the project names; None where it names none."""
    wanted = params.sections["deploy_rehearsal"]
    if server is None or wanted.previous_schema_app not in app_names(params.pack):
        return None
    return make_previous_schema(server, params.pack, newest=wanted.previous_migration, timeout_s=PREVIOUS_SCHEMA_TIMEOUT_S)


def start_fly_stand_in(
    params: Params, server: EmbeddedPostgres | None, behind: Database | None, run_id: str, credentials: Mapping[str, str]
) -> EmbeddedFly:
    """Return the stand-in for Fly.io with the pack's apps; the one a release behind has a database that is, too.

    server: None when no app needs its database. behind: of that app. credentials: of the app that is given them.
    """
    wanted, switches = params.sections["deploy_rehearsal"], params.embedded.fly
    secrets: dict[str, dict[str, str]] = {name: {} for name in app_names(params.pack)}
    if server is not None:
        for name in secrets:
            is_behind = behind is not None and name == wanted.previous_schema_app
            secrets[name]["DATABASE_URL"] = behind.url if behind is not None and is_behind else server.postgres_url
    secrets.setdefault(params.sections["credentials"].fly_app, {}).update(credentials)
    return start_fly(
        state_base(ROOT) / f"{run_id}{FLY_SUFFIX}",
        pack=params.pack,
        secrets=secrets,
        switches=Switches(fault=switches.fault, crash_after_s=switches.crash_after_s, boot_s=switches.boot_s),
        work=state_base(ROOT) / run_id / "work",
    )


def note_synced(fly: EmbeddedFly, app: str, credentials: CredentialServices, work: Path) -> None:
    """Note when each secret of an app was synced; of an app that no config of the project names there is none."""
    with suppress(Refused):  # the credentials task says why
        note_digests(work / notes_name(app), call(fly.data_dir, "app_secrets", name=app)["secrets"], credentials.fly_times)


def describe_fly(
    params: Params, fly: EmbeddedFly | None, behind: Database | None, services: Mapping[str, dict[str, str]]
) -> dict[str, Any]:
    """Return what the run file says of Fly.io: which flyctl, and of the stand-in its address, and what a drill may damage."""
    on_path = shutil.which("flyctl") or shutil.which("fly") or "flyctl"
    flyctl = Path(params.run.flyctl) if params.run.flyctl else fly.flyctl if fly else Path(on_path)
    if fly is None:
        return {"flyctl": flyctl}
    address = next(iter(fly.urls.values()), "http://127.0.0.1/")
    drill = {"drill_database": behind.url} if behind is not None else {}
    return {"flyctl": flyctl, "services": {**services, "fly": {"url": address, "token": "", **drill}}}


def make_state_folder(state: Path) -> None:
    """Make the state folder of a run without a server, leased, so that a killed run's is found and removed."""
    state.mkdir(mode=0o711)
    write_lease(state, new_lease(os.getpid(), state / "data"))


def describe_run(
    params: Params,
    targets: set[str],
    server: EmbeddedPostgres | None,
    stand_ins: RunningServices | None,
    *,
    work: Path,
    about: Mapping[str, Any],
) -> RunFile:
    """Return the run file. about: its own id, project, folders and tasks."""
    live = {name: parts for name, parts in params.addresses.items() if name in targets}
    reached = sorted(targets - params.missing.keys())
    provenances = {name: params.provenances.get(name) or stand_in(name) for name in reached}
    services = {
        **(stand_ins.services if stand_ins else {}),
        **{name: dict(parts) for name, parts in live.items() if name != "database"},
        **live_api(live.get("database", {})),
    }
    urls = [parts["url"] for parts in services.values()]
    addresses: dict[str, Any] = {}
    if server is not None:
        target = live.get("database", {}).get("url") or server.postgres_url
        addresses = {"target_url": target, "scratch_url": server.superuser_url}
        urls += [server.postgres_url, *addresses.values()]
    secrets_known = [password_of(url) for url in urls]
    secrets_known += [parts.get(part) for parts in services.values() for part in SECRET_PARTS]
    return RunFile(
        **about,
        **addresses,
        environment=params.environment,
        rehearsal=params.rehearsal,
        provenances=provenances,
        embedded=tuple(name for name in reached if name not in live),
        refusals=dict(params.refusals),
        production_writes_allowed=params.production_writes_allowed,
        promotes_from=params.promotes_from,
        not_applicable=dict(params.not_applicable),
        unconfirmed=params.unconfirmed,
        launch_list=params.launch_list,
        waivers=params.waivers,
        shelf_life=params.shelf_life,
        own_tasks=stage_own_tasks(params.own_tasks, params.pack, work, judge=own_problem),
        owners=dict(params.owners),
        pack=params.pack,
        work=work,
        small=make_small_folder(work.parent),
        kept=about["rendered"] / about["project"] / params.environment / "kept",
        events=work / "events.jsonl",
        spare=own_folder(state_base(ROOT) / UNKEPT) / f"{about['run_id']}.jsonl",
        services=services,
        missing={name: variables for name, variables in params.missing.items() if name in targets},
        supabase=find_supabase(params.run.supabase_cli) if server else Path("supabase"),
        supabase_before=find_supabase_before(params.run.supabase_cli),
        squawk=Path(sys.executable).parent / "squawk",
        postgres_bin=server.bin_dir if server else Path(),
        history_url=history_url(),
        kill_rate_s=params.run.kill_rate_s,
        kill_rate_floor=params.run.kill_rate_floor,
        inputs=digest_inputs(params, [task_named(name) for name in about["tasks"]]),
        sections={name: section.model_dump(mode="json") for name, section in params.sections.items()},
        secrets=tuple(dict.fromkeys([*filter(None, secrets_known), *(stand_ins.planted if stand_ins else ())])),
    )


def live_api(parts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the REST API that is named beside a live database, as a service; none where it is not."""
    named = {"url": parts.get("api", ""), **{name: parts.get(name, "") for name in ("anon_key", "jwt_secret")}}
    return {"api": named} if named["url"] else {}


def find_supabase(asked: str | None) -> Path:
    """Return the Supabase CLI: the one params name, else the pinned one, else the one on PATH."""
    pinned = sorted((TOOLS / "node_modules" / "@supabase").glob("cli-*/bin/supabase"))
    if asked is None and pinned:
        return pinned[0]
    found = shutil.which(asked or "supabase")
    if found is None:
        named = f"run.supabase_cli: {asked}" if asked else "The Supabase CLI"
        raise WorkbookError(f"{named} was not found.", fix="Run `make setup`, or install the Supabase CLI and put it on PATH.")
    return Path(found)


def find_supabase_before(asked: str | None) -> Path | None:
    """Return the pinned CLI of the generation before; None when params name the one to use, or there is none here."""
    pinned = sorted((TOOLS / "node_modules" / "@supabase-cli-2").glob("*/bin/supabase"))
    return pinned[0] if pinned and asked is None else None


def fills_with_rows(run: RunFile) -> bool:
    """Return whether the embedded target gets the project's rehearsal rows: no seed of its own fills it."""
    is_empty = "seed" in run.not_applicable and "database" in run.embedded
    return is_empty and bool(run.sections["seed"]["rehearsal_rows"])


def fill_target(run: RunFile) -> None:
    """Put the rehearsal rows into the embedded target. Raises TargetError when they can't be."""
    path, timeout_s = run.sections["seed"]["rehearsal_rows"], float(run.sections["migrations"]["command_timeout_s"])
    fill_embedded(Database(run.target_url), run.pack, path, work=run.work, timeout_s=timeout_s)


def prepare_target(run: RunFile, *, seeded: bool) -> None:
    """Bring an embedded target to where later tasks start: migrations applied, nothing judged.

    seeded: whether the seed is applied too.
    Raises CommandError when the pack's own migrations or seed do not apply, TargetError when they can't be read.
    """
    if seeded:
        check_seed(run.pack)
    project = stage_project(run.pack, run.work / "prepare")
    timeout_s = float(run.sections["migrations"]["command_timeout_s"])
    cli = open_cli(run.supabase, project, timeout_s=timeout_s, older=run.supabase_before)
    try:
        cli.push(Database(run.target_url), include_seed=seeded)
    except CommandError as exc:
        raise CommandError(f"The pack could not be applied before this task: {exc}") from exc

"""Every operation of the platform on apps, releases, secrets and machines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.embedded.fly.control import Refused
from lib.embedded.fly.edge import Edge
from lib.embedded.fly.images import Registry, parse_reference
from lib.embedded.fly.machine_config import stamped, standby_for, wakes
from lib.embedded.fly.machine_process import RunningMachine
from lib.embedded.fly.records import App, Machine, Release, Secret
from lib.embedded.fly.warm_machines import OWN_VARIABLES, WarmMachines


@dataclass(frozen=True, kw_only=True)
class FirstMachines:
    """The machines of one process group that an app begins with; standby: one more that stands by for the first."""

    name: str
    config: dict[str, Any]
    machines: int
    standby: bool


class Platform:
    """The whole platform: apps by name, the registry, and the processes that run.

    unread: why configs of the project name no app, a clause each. unusable: app -> why it can't be run here.
    """

    def __init__(self, folder: Path, switches: dict[str, Any], *, report: Callable[[BaseException], str]) -> None:
        """report: keeps a note of what broke inside the platform and returns its sentence."""
        self.folder = folder
        self.report = report
        self.broken = ""
        self.switches = switches
        self.registry = Registry(folder / "registry")
        self.apps: dict[str, App] = {}
        self.unread: tuple[str, ...] = ()
        self.unusable: dict[str, str] = {}
        self.running: dict[str, RunningMachine] = {}
        self.edges: dict[str, Edge] = {}
        self.booting = asyncio.Lock()
        self.warm = WarmMachines()

    def break_down(self, raised: BaseException) -> None:
        """Take in that one of the platform's own tasks broke: from now on every operation is answered with that."""
        self.broken = self.broken or self.report(raised)

    async def do(self, op: str, arguments: dict[str, Any]) -> Any:
        """Do one operation. Raises Refused."""
        operation = getattr(self, f"do_{op}", None)
        if operation is None:
            raise Refused(f"no such operation: {op}")
        return await operation(**arguments)

    async def add_app(
        self, name: str, *, region: str, secrets: dict[str, str], groups: Sequence[FirstMachines], config: str
    ) -> None:
        """Make an app with one finished release of its current image; its machines start at the first request."""
        app = App(name=name, region=region)
        for secret, value in secrets.items():
            app.secrets[secret] = Secret(name=secret, value=value, deployed=value)
        self.apps[name] = app
        edge = self.edges[name] = Edge(lambda: list(app.machines.values()), lambda: self.wake(app), self.break_down)
        app.url = f"http://127.0.0.1:{await edge.open()}/"
        reference = app.newest_reference()
        digest = self.registry.resolve(reference)
        if digest is None:
            return
        release = Release(version=1, image=str(reference), digest=digest, status="complete", config=config)
        app.releases.append(release)
        for group in groups:
            settings = stamped(group.config, release.id, release.version, group=group.name)
            made = [Machine(config=settings, image=str(reference), digest=digest, region=region) for _ in range(group.machines)]
            if group.standby:
                standby = standby_for(settings, [made[0].id])
                made.append(Machine(config=standby, image=str(reference), digest=digest, region=region, state="stopped"))
            app.machines.update({machine.id: machine for machine in made})

    def find(self, name: str) -> App:
        app = self.apps.get(name)
        if name in self.unusable:
            raise Refused(self.unusable[name])
        if app is None:
            raise Refused("; ".join([f'Could not find App "{name}"', *self.unread[:3]]))
        return app

    def find_stored(self, name: str) -> App:
        """Return an app of which only what the platform keeps is asked for, whether it can be run here or not."""
        return self.apps.get(name) or self.find(name)

    def find_machine(self, name: str, machine: str) -> Machine:
        found = self.find(name).machines.get(machine)
        if found is None:
            raise Refused(f"machine {machine} was not found in app '{name}'")
        return found

    async def do_app(self, name: str) -> dict[str, Any]:
        """Return everything flyctl may print of an app, its machines started if they never were."""
        app = self.find(name)
        async with self.booting:
            if not app.is_booted:
                app.is_booted = True
                await asyncio.gather(*(self.start(app, one) for one in app.machines.values() if not one.config.get("standbys")))
        return {"status": app.to_json(), "releases": app.releases_json(), **await self.do_app_secrets(name)}

    async def do_app_secrets(self, name: str) -> dict[str, Any]:
        """Return what flyctl may print of an app's secrets; its machines are left as they are."""
        app = self.find_stored(name)
        return {"secrets": [app.secrets[secret].to_json() for secret in sorted(app.secrets)]}

    async def do_secret_values(self, name: str) -> list[dict[str, str]]:
        """Return what was kept, as no flyctl can: to prove that it arrived whole."""
        return [{"name": secret.name, "value": secret.value} for secret in self.find_stored(name).secrets.values()]

    async def do_app_names(self) -> list[str]:
        return sorted(self.apps)

    async def do_resolve(self, image: str) -> str | None:
        """Return the digest of an image, or None when the registry does not have it."""
        reference = parse_reference(image)
        return self.registry.resolve(reference) if reference else None

    async def do_prune_image(self, digest: str) -> None:
        self.registry.remove(digest)

    async def do_app_config(self, name: str) -> str:
        """Return the config of the newest release, as `flyctl config show` has it: of the file it was deployed with."""
        app = self.find(name)
        return app.releases[-1].config if app.releases else ""

    async def do_create_release(self, name: str, image: str, digest: str, config: str = "") -> dict[str, Any]:
        """Make a release; one without a config of its own has that of the one before."""
        app = self.find(name)
        version = app.releases[-1].version + 1 if app.releases else 1
        app.deploy_secrets()
        config = config or (app.releases[-1].config if app.releases else "")
        app.releases.append(Release(version=version, image=image, digest=digest, config=config))
        return app.releases[-1].to_json()

    async def do_end_release(self, name: str, version: int, status: str) -> None:
        for release in self.find(name).releases:
            if release.version == version:
                release.status = status

    async def do_create_machine(
        self, name: str, image: str, digest: str, config: dict[str, Any], *, cordoned: bool = False, is_asleep: bool = False
    ) -> str:
        """Make a machine, start it unless it is to be asleep, and return its id."""
        app = self.find(name)
        machine = Machine(config=config, image=image, digest=digest, region=app.region, cordoned=cordoned)
        app.machines[machine.id] = machine
        if is_asleep:
            machine.state = "stopped"
        else:
            await self.start(app, machine)
        return machine.id

    async def do_update_machine(
        self, name: str, machine: str, image: str, digest: str, config: dict[str, Any], *, is_asleep: bool = False
    ) -> None:
        """Replace what a machine runs: it is stopped and started anew; one that is asleep stays so."""
        found = self.find_machine(name, machine)
        slept = found.state
        found.happened("update", "replacing", source="user")
        await self.stop(found)
        found.image, found.digest, found.config = image, digest, config
        if is_asleep:
            found.state, found.checks = slept, {}
        else:
            await self.start(self.find(name), found)

    async def do_destroy_machine(self, name: str, machine: str) -> None:
        found = self.find_machine(name, machine)
        found.state = "destroying"
        await self.stop(found)
        del self.find(name).machines[machine]

    async def do_stop_machine(self, name: str, machine: str) -> None:
        found = self.find_machine(name, machine)
        found.happened("stop", "stopping", source="user")
        await self.stop(found)

    async def do_start_machine(self, name: str, machine: str) -> None:
        found = self.find_machine(name, machine)
        if found.state in ("stopped", "created", "suspended"):
            await self.start(self.find(name), found)

    async def do_cordon(self, name: str, machine: str, cordoned: bool) -> None:
        self.find_machine(name, machine).cordoned = cordoned

    async def do_set_secrets(self, name: str, values: dict[str, str | None]) -> list[str]:
        """Stage secrets; None removes one. Returns the names that changed."""
        app, changed = self.find_stored(name), []
        for secret, value in values.items():
            known = app.secrets.get(secret)
            if value is None:
                app.secrets.pop(secret, None)
            elif known is None or known.value != value:
                app.secrets[secret] = Secret(name=secret, value=value, deployed=known.deployed if known else None)
            else:
                continue
            changed.append(secret)
        return changed

    async def do_run_once(self, name: str, image: str, digest: str, config: dict[str, Any], command: str) -> dict[str, Any]:
        """Run one command in a machine of its own, to its end."""
        app = self.find(name)
        machine = Machine(config=config, image=image, digest=digest, region=app.region)
        process = await asyncio.create_subprocess_shell(
            command, cwd=self.registry.unpack(digest), env=self.variables(app, machine),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        return {"exit_code": process.returncode, "output": output.decode(errors="replace")[-4000:], "machine": machine.id}

    async def start(self, app: App, machine: Machine) -> None:
        running = RunningMachine(
            machine,
            warm=self.warm,
            check_every_s=self.switches["check_every_s"],
            boot_s=self.switches["boot_s"],
            on_break=self.break_down,
        )
        self.running[machine.id] = running
        log = self.folder / "logs" / f"{machine.id}.log"
        await running.start(self.registry.unpack(machine.digest), self.variables(app, machine), log)

    async def wake(self, app: App) -> None:
        """Start the machines of an app that users' requests may start, as the platform's proxy does when none is up."""
        asleep = [one for one in app.machines.values() if one.state in ("stopped", "suspended") and wakes(one.config)]
        if asleep and not any(
            one.state in ("started", "starting") and one.config.get("services") for one in app.machines.values()
        ):
            asleep[0].woken = True
            await self.start(app, asleep[0])

    async def stop(self, machine: Machine) -> None:
        if machine.id in self.running:
            await self.running[machine.id].stop()

    async def stop_all(self) -> None:
        """End every machine, those that do not heed by force."""
        for running in self.running.values():
            running.machine.config = {**running.machine.config, "stop_config": {"signal": "SIGKILL", "timeout": "1s"}}
        await asyncio.gather(*(running.stop() for running in self.running.values()))

    def variables(self, app: App, machine: Machine) -> dict[str, str]:
        """Return the environment that a machine's process gets."""
        secrets = {secret.name: secret.deployed for secret in app.secrets.values() if secret.deployed is not None}
        crash = {"CRASH_AFTER_S": str(self.switches["crash_after_s"])} if self.switches["crash_after_s"] else {}
        about = {"FLY_APP_NAME": app.name, "FLY_MACHINE_ID": machine.id, "FLY_REGION": app.region, "FLY_IMAGE_REF": machine.image}
        return {**OWN_VARIABLES, **machine.config["env"], **about, **crash, **secrets}

"""What flyctl prints when it only looks: the JSON in its own shapes, and a plain text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lib.embedded.fly.control import call

VERSION = "0.3.205"
OPERATOR = "operator@example.com"
Report = Callable[[Mapping[str, Any], Path], tuple[Any, str]]


def lines(rows: list[list[str]]) -> str:
    return "\n".join("\t".join(row) for row in rows)


def version(_: Mapping[str, Any], folder: Path) -> tuple[Any, str]:
    value = {"Name": "flyctl", "Version": VERSION, "Commit": "stand-in", "BranchName": "", "BuildDate": "2026-11-01T00:00:00Z",
             "OS": "linux", "Architecture": "amd64", "Environment": "production"}  # fmt: skip
    return value, f"flyctl v{VERSION} linux/amd64 Commit: stand-in BuildDate: 2026-11-01T00:00:00Z"


def whoami(_: Mapping[str, Any], folder: Path) -> tuple[Any, str]:
    return {"email": OPERATOR}, OPERATOR


def apps_list(_: Mapping[str, Any], folder: Path) -> tuple[Any, str]:
    names = call(folder, "app_names")
    return [{"ID": name, "Name": name, "Status": "deployed"} for name in names], "\n".join(names)


def status(shown: Mapping[str, Any], folder: Path) -> tuple[Any, str]:
    said = shown["status"]
    rows = [[one["id"], one["state"], f"v{one['config']['metadata']['fly_release_version']}"] for one in said["Machines"]]
    return said, f"App\n  Name = {said['Name']}\n  Hostname = {said['Hostname']}\n\nMachines\n{lines(rows)}"


def releases(shown: Mapping[str, Any], folder: Path) -> tuple[Any, str]:
    rows = [
        [f"v{one['Version']}", one["Status"], one["Description"], one["User"]["Email"], one["ImageRef"]]
        for one in shown["releases"]
    ]
    return shown["releases"], lines([["VERSION", "STATUS", "DESCRIPTION", "USER", "DOCKER IMAGE"], *rows])


def machine_list(shown: Mapping[str, Any], folder: Path) -> tuple[Any, str]:
    machines = shown["status"]["Machines"]
    return machines, lines([[one["id"], one["state"], one["config"]["image"]] for one in machines])


def checks_list(shown: Mapping[str, Any], folder: Path) -> tuple[Any, str]:
    value = {one["id"]: one["checks"] for one in shown["status"]["Machines"]}
    rows = [
        [check["name"], check["status"], machine, check["output"][:60]] for machine, checks in value.items() for check in checks
    ]
    return value, lines([["NAME", "STATUS", "MACHINE", "OUTPUT"], *rows])


def secrets_list(shown: Mapping[str, Any], folder: Path) -> tuple[Any, str]:
    rows = [[one["name"], one["digest"], one["status"]] for one in shown["secrets"]]
    return shown["secrets"], lines([["NAME", "DIGEST", "STATUS"], *rows])


def image_show(shown: Mapping[str, Any], folder: Path) -> tuple[Any, str]:
    value = []
    for one in shown["status"]["Machines"]:
        image = one["image_ref"]
        value.append({"MachineID": one["id"], "Registry": image["registry"], "Repository": image["repository"],
                      "Tag": image["tag"],
                      "Version": "N/A", "Digest": image["digest"], "Labels": ""})  # fmt: skip
    return value, lines([[one["MachineID"], one["Repository"], one["Tag"], one["Digest"]] for one in value])


def logs(shown: Mapping[str, Any], folder: Path) -> tuple[Any, str]:
    said = []
    for one in shown["status"]["Machines"]:
        path = folder / "logs" / f"{one['id']}.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        said += [f"{one['id']} {line}" for line in text.splitlines()[-20:]]
    return said, "\n".join(said)


REPORTS: dict[str, tuple[Report, bool]] = {
    "version": (version, False),
    "auth whoami": (whoami, False),
    "apps list": (apps_list, False),
    "status": (status, True),
    "releases": (releases, True),
    "machine list": (machine_list, True),
    "checks list": (checks_list, True),
    "secrets list": (secrets_list, True),
    "image show": (image_show, True),
    "logs": (logs, True),
}
"""Words -> what prints it, and whether it is about one app."""

"""What flyctl holds a config to, rule by rule, each sentence its own.

Source: superfly/flyctl, internal/appconfig/validation.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lib.embedded.fly.go_values import DECIMAL, GoError, format_duration, parse_size, split_words
from lib.embedded.fly.process_groups import FLATTENED, all_services, flatten, group_names

Table = Mapping[str, Any]
Said = tuple[str, bool]
"""What a rule says, and whether the config is refused for it."""

STRATEGIES = ("canary", "rolling", "immediate", "bluegreen")
POLICIES = {"always": "always", "on-failure": "on-failure", "never": "no"}
"""Restart policies: as fly.toml spells them -> as a machine has them."""
REFUSED = "invalid app configuration"
SECOND_NS = 10**9
GIGABYTE = 10**9


def validate(said: Table, path: str) -> tuple[str, str]:
    """Return ('', what flyctl says) for a config that it takes, else its error and what it says before it."""
    texts, refused = [f"Validating {path}\n"], False
    for rule in RULES:
        text, holds_back = rule(said)
        texts.append(text)
        refused = refused or holds_back
    if refused:
        return "App configuration is not valid", f"{''.join(texts)}\n   ✘{REFUSED}\n"
    return "", f"{''.join(texts)}✓ Configuration is valid\n"


def validate_groups(said: Table, groups: list[str], path: str) -> tuple[str, str]:
    """Return what `validate` does of a config narrowed to each group in turn, up to the first that is refused."""
    found = ("", "")
    for group in groups:
        found = validate(flatten(said, group), path)
        if found[0]:
            break
    return found if groups else validate(said, path)


def check_build(said: Table) -> Said:
    """Two ways to build are warned of."""
    build = said.get("build", {})
    ways = [f'the "{build["image"]}" docker image'] if build.get("image") else []
    ways += ["a buildpack"] if build.get("builder") or build.get("buildpacks") else []
    if build.get("dockerfile"):
        ways.append(f'the "{build["dockerfile"]}" dockerfile')
    elif build.get("build-target"):
        ways.append("a dockerfile")
    ways += [f'the "{build["builtin"]}" builtin image'] if build.get("builtin") else []
    return (f"WARN more than one build configuration found: [{', '.join(ways)}]\n" if len(ways) > 1 else ""), False


def check_deploy(said: Table) -> Said:
    deploy, texts = said.get("deploy", {}), []
    if not can_split(deploy.get("release_command", "")):
        texts.append(f"Can't shell split release command: '{deploy['release_command']}'\n")
    strategy = deploy.get("strategy", "")
    if strategy and strategy not in STRATEGIES:
        texts.append(
            f"unsupported deployment strategy '{strategy}'; Apps v2 supports the following strategies: {', '.join(STRATEGIES)}"
        )
    if strategy == "canary" and said.get("mounts"):
        texts.append("error canary deployment strategy is not supported when using mounted volumes")
    return "".join(texts), bool(texts)


def can_split(text: str) -> bool:
    try:
        split_words(text)
    except GoError:
        return False
    return True


def check_checks(said: Table) -> Said:
    texts = []
    for name, check in said.get("checks", {}).items():
        if check.get("type") not in ("http", "tcp"):
            texts.append(f"Can't process top level check '{name}': Missing or invalid check type, must be 'http' or 'tcp'\n")
        interval, timeout = check.get("interval"), check.get("timeout")
        if interval is not None and interval < 2 * SECOND_NS:
            texts.append(f"Check '{name}' interval is too short: {format_duration(interval)}, minimum is 2 seconds\n")
        if timeout is not None and timeout > 60 * SECOND_NS:
            texts.append(f"Check '{name}' timeout is too long: {format_duration(timeout)}, maximum is 60 seconds\n")
    return "".join(texts), bool(texts)


def check_services(said: Table) -> Said:
    groups, defined, texts, refused = group_names(said), len(said.get("processes", {})), [], False
    for service in all_services(said):
        named = service.get("processes", [])
        if not named and defined:
            refused = True
            texts.append(
                f"Service has no processes set but app has {defined} processes defined; "
                "update fly.toml to set processes for each service\n"
            )
        for name in named:
            if name not in groups:
                refused = True
                texts.append(
                    f"Service specifies '{name}' as one of its processes, but no processes are defined with that name; "
                    f"update fly.toml [processes] to add '{name}' process or remove it from service's processes list\n"
                )
        if not service.get("ports"):
            texts.append(
                "WARNING: Service must expose at least one port. Add a [[services.ports]] section to fly.toml; "
                "Check docs at https://fly.io/docs/reference/configuration/#services-ports \n "
                "Validation for _services without ports_ will hard fail after February 15, 2024."
            )
        for kind in ("tcp", "http"):
            texts += [warn_of_durations(check, kind.upper()) for check in service.get(f"{kind}_checks", [])]
    return "".join(texts), refused


def warn_of_durations(check: Table, kind: str) -> str:
    """Return what is said of a service check's times: each is warned of, and changed by the platform."""
    texts = []
    for name, what in (("interval", "an interval"), ("timeout", "a timeout"), ("grace_period", "a grace period")):
        ns, said = check.get(name), f"WARN Service {kind} check has {what}"
        if ns is None:
            continue
        if name == "grace_period" and ns != 0 and ns < SECOND_NS:
            texts.append(
                f"{said} that is non-zero and less than 1 second ({format_duration(ns)}); this will be raised to 1 second\n"
            )
        elif name != "grace_period" and ns < SECOND_NS:
            texts.append(f"{said} less than 1 second ({format_duration(ns)}); this will be raised to 1 second\n")
        elif ns > 60 * SECOND_NS:
            texts.append(f"{said} greater than 1 minute ({format_duration(ns)}); this will be lowered to 1 minute\n")
    return "".join(texts)


def check_processes(said: Table) -> Said:
    texts = []
    for name, command in said.get("processes", {}).items():
        try:
            split_words(command)
        except GoError as exc:
            texts.append(f"Could not parse command for '{name}' process group; check [processes] section: {exc}\n")
    return "".join(texts), bool(texts)


def check_console(said: Table) -> Said:
    command = said.get("console_command", "")
    return ("", False) if can_split(command) else (f"Can't shell split console command: '{command}'\n", True)


def check_mounts(said: Table) -> Said:
    mounts, texts = said.get("mounts", []), []
    if FLATTENED in said and len(mounts) > 1:
        texts.append(f"group '{said[FLATTENED]}' has more than one [[mounts]] section defined\n")
    texts += [text for mount in mounts for text in faults_of_mount(mount)]
    return "".join(texts), bool(texts)


def faults_of_mount(mount: Table) -> list[str]:
    """Return every sentence about one mount."""
    of, texts = f"mount '{mount.get('source', '')}'", []
    sizes = {}
    for name, article in (
        ("initial_size", "an initial_size"),
        ("auto_extend_size_increment", "an auto_extend_size_increment"),
        ("auto_extend_size_limit", "an auto_extend_size_limit"),
    ):
        text = mount.get(name, "")
        if name == "auto_extend_size_increment" and not 1 <= mount.get("snapshot_retention", 1) <= 60:
            texts.append(f"{of} has a snapshot_retention value which is not between 1 and 60 days inclusive\n")
        if not text:
            continue
        try:
            sizes[name] = parse_size(text, base=DECIMAL, quotient=GIGABYTE)
        except GoError as exc:
            texts.append(f"{of} with {name} '{text}' will fail because of: {exc}\n")
            continue
        if sizes[name] < 1:
            texts.append(f"{of} has {article} '{text}' value which is smaller than 1GB\n")
    increment, limit = sizes.get("auto_extend_size_increment", 0), sizes.get("auto_extend_size_limit", 0)
    return texts + faults_of_growth(of, mount.get("auto_extend_size_threshold", 0), increment, limit)


def faults_of_growth(of: str, threshold: int, increment: int, limit: int) -> list[str]:
    """Return every sentence about how a mount grows; sizes in GB."""
    if not (threshold or increment or limit):
        return []
    texts = []
    if threshold and not increment and not limit:
        texts.append(
            f"{of} auto_extend_size_threshold, auto_extend_size_increment and auto_extend_size_limit "
            "must be all defined or none\n"
        )
    if not 50 <= threshold <= 99:
        texts.append(f"{of} auto_extend_size_threshold must be between 50 and 99\n")
    if not 1 <= increment <= 100:
        texts.append(f"{of} auto_extend_size_increment must be between 1GB and 100GB\n")
    if limit and not 1 <= limit <= 500:
        texts.append(f"{of} auto_extend_size_limit must be between 1GB and 500GB\n")
    return texts


def check_restart(said: Table) -> Said:
    groups, texts = group_names(said), []
    for restart in said.get("restart", []):
        for name in restart.get("processes", []):
            if name not in groups:
                texts.append(
                    f"Restart policy specifies '{name}' as one of its processes, but no processes are defined with that name; "
                    f"update fly.toml [processes] to add '{name}' process or remove it from restart policy's processes list\n"
                )
        if restart.get("policy", "") not in POLICIES:
            texts.append(f"invalid restart policy: {restart.get('policy', '')}\n")
    return "".join(texts), bool(texts)


def check_compression(said: Table) -> Said:
    build, texts = said.get("build", {}), []
    kind, level = build.get("compression", ""), build.get("compression_level")
    if kind not in ("", "gzip", "zstd"):
        texts.append(f"Invalid value '{kind}' for compression. Valid options are 'gzip', 'zstd', or leave unset.\n")
    if level is not None and not 0 <= level <= 9:
        texts.append(f"Invalid value '{level}' for compression level. Must be an integer between 0 and 9.\n")
    return "".join(texts), bool(texts)


RULES: tuple[Callable[[Table], Said], ...] = (
    check_build, check_deploy, check_checks, check_services, check_processes, check_console, check_mounts, check_restart,
    check_compression,
)  # fmt: skip

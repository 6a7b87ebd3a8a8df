"""fly.toml: what flyctl takes is taken, and what it refuses is refused with its own sentence; no text breaks the reader."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.embedded.fly.fly_toml import AppConfig, TomlError, read_config, read_toml, seconds
from lib.embedded.fly.images import pack_image, releases_of
from lib.embedded.fly.start import describe_apps
from lib.embedded.fly.toml_rules import validate_groups

GOOD = 'app = "idea-board"\n[http_service]\ninternal_port = 8080\nmin_machines_running = 2\n'
REFUSED = "App configuration is not valid"
PORTS = "\n[[services.ports]]\nport = 443\n"
GO = "json: cannot unmarshal {} into Go struct field {} of type {}"
UNREADABLE = {
    "app = 5": GO.format("number", "Config.app", "string"),
    "kill_signal = true": GO.format("bool", "Config.kill_signal", "string"),
    'swap_size_mb = "big"': GO.format("string", "Config.swap_size_mb", "int"),
    "env = 5": "Do not know how to process 'env' section of type: int64",
    "deploy = [1]": GO.format("array", "Config.deploy", "appconfig.Deploy"),
    "http_service = 1": GO.format("number", "Config.http_service", "appconfig.HTTPService"),
    "checks = 5": "'checks' section of unknown type: int64",
    "[checks]\na = 1": "'checks' section of unknown type: int64",
    "[[checks]]\ntype = 'tcp'": "check item name not a string",
    '[checks.a]\ntype = "tcp"\ninterval = "soon"': 'time: invalid duration "soon"',
    '[checks.a]\ntype = "tcp"\ninterval = "5"': 'time: missing unit in duration "5"',
    '[checks.a]\ntype = "tcp"\ninterval = "5d"': 'time: unknown unit "d" in duration "5d"',
    '[deploy]\nwait_timeout = "2 m"': 'time: unknown unit " m" in duration "2 m"',
    "[deploy]\nstrategy = 1": GO.format("number", "Deploy.deploy.strategy", "string"),
    "[http_service]\ninternal_port = true": GO.format("bool", "HTTPService.http_service.internal_port", "int"),
    '[http_service]\ninternal_port = "80"': GO.format("string", "HTTPService.http_service.internal_port", "int"),
    "[http_service]\ninternal_port = 1.5": GO.format("number 1.5", "HTTPService.http_service.internal_port", "int"),
    "[http_service]\nchecks = {}": GO.format("object", "HTTPService.http_service.checks", "[]appconfig.ServiceHTTPCheck"),
    '[http_service]\nauto_stop_machines = "sometimes"': 'invalid autostop string value "sometimes"',
    "[http_service]\nauto_stop_machines = 1": "autostop value is not a valid bool or string",
    "[[services]]\nconcurrency = 20": "Unknown type for service concurrency: int64",
    '[[services]]\nconcurrency = "20"': "Unknown value '20' for concurrency limits",
    '[[services]]\ninternal_port = "web"': "Can not convert 'web' to integer: strconv.Atoi: parsing \"web\": invalid syntax",
    "services = 5": "Error processing services: Unknown type 'int64'",
    "processes = 5": "Unknown processes type: int64",
    "experimental = 5": "Experimental section of unknown type: int64",
    "[experimental]\ncmd = 5": "could not cast 5 of type int64 to []string on cmd",
    "vm = 5": "Error processing compute: Unknown type 'int64'",
    "mounts = true": "Error processing mounts: Unknown type 'bool'",
    "[restart]\npolicy = 'always'": GO.format("object", "Config.restart", "[]appconfig.Restart"),
    "build = 5": "Build section of unknown type: int64",
}
"""What stands there -> why flyctl can't read it, in its words."""
INVALID = {
    '[deploy]\nstrategy = "sudden"': "unsupported deployment strategy 'sudden'; Apps v2 supports the following strategies: "
    "canary, rolling, immediate, bluegreen",
    '[deploy]\nstrategy = "canary"\n[mounts]\nsource = "d"\ndestination = "/d"': "error canary deployment strategy is not "
    "supported when using mounted volumes",
    '[deploy]\nrelease_command = "sh -c \'x"': "Can't shell split release command: 'sh -c 'x'",
    'console_command = "\'"': "Can't shell split console command: '''",
    '[processes]\nweb = "run \\"it"': "Could not parse command for 'web' process group; check [processes] section: "
    "EOF found when expecting closing quote",
    "[checks.a]\nport = 80": "Can't process top level check 'a': Missing or invalid check type, must be 'http' or 'tcp'",
    '[checks.a]\ntype = "tcp"\ninterval = "1s"': "Check 'a' interval is too short: 1s, minimum is 2 seconds",
    '[checks.a]\ntype = "tcp"\ninterval = 1500': "Check 'a' interval is too short: 1.5s, minimum is 2 seconds",
    '[checks.a]\ntype = "tcp"\ntimeout = "1m1s"': "Check 'a' timeout is too long: 1m1s, maximum is 60 seconds",
    f"[processes]\nweb = ''\n[[services]]\ninternal_port = 80{PORTS}": "Service has no processes set but app has 1 processes",
    f"[[services]]\ninternal_port = 80\nprocesses = ['gone']{PORTS}": "Service specifies 'gone' as one of its processes",
    '[mounts]\nsource = "d"\ninitial_size = "15Mb"': "mount 'd' has an initial_size '15Mb' value which is smaller than 1GB",
    '[mounts]\nsource = "d"\ninitial_size = "much"': "mount 'd' with initial_size 'much' will fail because of: invalid size",
    '[mounts]\nsource = "d"\nsnapshot_retention = 61': "mount 'd' has a snapshot_retention value which is not between 1 and 60",
    '[mounts]\nsource = "d"\nauto_extend_size_threshold = 80': "must be all defined or none",
    '[mounts]\nsource = "d"\nauto_extend_size_threshold = 40\nauto_extend_size_increment = "1GB"': "must be between 50 and 99",
    '[[restart]]\npolicy = "sometimes"': "invalid restart policy: sometimes",
    '[[restart]]\npolicy = "no"': "invalid restart policy: no",
    "[[restart]]\npolicy = 'never'\nprocesses = ['gone']": "Restart policy specifies 'gone' as one of its processes",
    '[build]\ncompression = "rar"': "Invalid value 'rar' for compression.",
    "[build]\ncompression_level = 11": "Invalid value '11' for compression level.",
}
"""What stands there -> what flyctl says before `App configuration is not valid`."""
TAKEN = [
    "",
    "nonsense = 'x'",
    'kill_signal = "SIGFOO"',
    "kill_timeout = true",
    "kill_timeout = 30",
    "[http_service]\nforce_https = true",
    "[HTTP_SERVICE]\nINTERNAL_PORT = 80",
    "[[env]]\nA = 1\n[[env]]\nB = true",
    "[processes]\nweb = ''\nworker = 'run it'",
    "[[services]]",
    "[[services]]\ninternal_port = '8080'\nconcurrency = '20,25'\n[[services.ports]]\nport = '80'",
    "[checks.a]\ntype = 'tcp'\nport = 80\ngrace_period = ''",
    "[[checks]]\nname = 'a'\ntype = 'http'\nport = 80\nheaders = [{name = 'h'}]",
    "[mount]\nsource = 'd'\ndestination = '/d'\ninitial_size = 200",
    "[vm]\nmemory = 512",
    "[[vm]]\nsize = 'shared-cpu-2x'\nprocesses = ['app']",
    "[metrics]\nport = 9091\npath = '/metrics'",
    "[[statics]]\nguest_path = '/a'\nurl_prefix = '/b'",
    "[[restart]]\npolicy = 'always'",
    "[[files]]\nguest_path = '/a'\nraw_value = 'x'",
    "[experimental]\ncmd = 'run'\nmetrics_port = 5",
    "[deploy]\nmax_unavailable = 0.2",
    "[http_service]\ninternal_port = 1\nauto_stop_machines = 'suspend'\nauto_start_machines = true\nmin_machines_running = 0",
    "[http_service]\ninternal_port = 80\n[http_service.http_options.response.headers]\nX = false",
]
"""What flyctl takes: unknown keys, either case, old spellings, and a section of each kind."""


def config(text: str) -> str:
    head = "" if text.startswith("app =") else 'app = "idea-board"\n'
    return f"{head}{text}\n"


def read(tmp_path: Path, text: str) -> AppConfig:
    (tmp_path / "fly.toml").write_text(config(text))
    return read_toml(tmp_path / "fly.toml")


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_value_of_another_kind_is_refused_in_gos_words(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    assert found.verdict() == (UNREADABLE[text], "")
    assert found.app == ("" if text == "app = 5" else "idea-board")


@pytest.mark.parametrize("text", INVALID)
def test_a_rule_that_is_broken_is_told_in_flyctls_words(tmp_path: Path, text: str) -> None:
    error, said = read(tmp_path, text).verdict()
    assert error == REFUSED
    assert INVALID[text] in said


@pytest.mark.parametrize("text", TAKEN)
def test_what_flyctl_takes_is_taken(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    error, said = found.verdict()
    assert (error, "✓ Configuration is valid" in said) == ("", True)
    assert all(found.machine_config(group)["env"]["FLY_PROCESS_GROUP"] == group for group in found.groups)


def test_what_only_shows_at_the_deploy_is_told_there(tmp_path: Path) -> None:
    for text, said in {
        "[[vm]]\nsize = 'huge'": "invalid machine preset requested, 'huge', expected to start with 'shared' or 'performance'",
        "[[vm]]\nsize = 'shared-cpu-3x'": "'shared-cpu-3x' is an invalid machine size, choose one of: \\[shared-cpu-1x ",
        "[[vm]]\nmemory = 'much'": "invalid size",
        "[checks.a]\ntype = 'tcp'": "Check 'a' for process group 'app' has no port set",
    }.items():
        found = read(tmp_path, text)
        assert found.verdict()[0] == ""
        with pytest.raises(TomlError, match=said):
            found.machine_config("app")


def test_each_group_has_its_own_part(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "primary_region = 'ams'\n[processes]\napp = ''\nworker = 'run \"all of\" it'\n"
        "[http_service]\ninternal_port = 80\nprocesses = ['app']\nauto_stop_machines = 'stop'\n"
        "[[http_service.checks]]\npath = '/up'\ninterval = '1m5s'\n"
        "[[mounts]]\nsource = 'd'\ndestination = '/d'\nprocesses = ['worker']\n"
        "[[vm]]\nmemory = '1gb'\n[[vm]]\nsize = 'performance-1x'\nprocesses = ['worker']\n"
        "[[restart]]\npolicy = 'never'\nprocesses = ['worker']\n",
    )
    app, worker = found.machine_config("app"), found.machine_config("worker")
    assert found.groups == ["app", "worker"]
    assert (app["services"][0]["autostop"], app["services"][0]["checks"][0]["interval"]) == (True, "1m5s")
    assert ("services" in worker, worker["init"]["cmd"], worker["restart"]) == (False, ["run", "all of", "it"], {"policy": "no"})
    assert (app["guest"]["memory_mb"], worker["guest"]["cpu_kind"]) == (1024, "performance")
    assert (app.get("mounts"), worker["mounts"]) == (None, [{"path": "/d", "name": "d"}])
    assert worker["env"]["PRIMARY_REGION"] == "ams"


def test_a_group_alone_is_judged_by_its_own_part(tmp_path: Path) -> None:
    text = "[processes]\na = ''\nb = ''\n" + "".join(
        f"[[mounts]]\nsource = 'd{n}'\ndestination = '/d'\nprocesses = ['a']\n" for n in (1, 2)
    )
    found = read(tmp_path, text)
    error, said = validate_groups(found.said, ["a"], "fly.toml")
    assert (error, "group 'a' has more than one [[mounts]] section defined" in said) == (REFUSED, True)
    assert validate_groups(found.said, ["b"], "fly.toml")[0] == ""


def test_a_config_may_be_json(tmp_path: Path) -> None:
    path = tmp_path / "fly.json"
    path.write_text('{"app": "a", "http_service": {"internal_port": 80}}')
    assert (read_toml(path).app, read_toml(path).verdict()[0]) == ("a", "")
    path.write_text("[]")
    with pytest.raises(TomlError, match="failed loading app config"):
        read_toml(path)


@pytest.mark.parametrize(("text", "found"), [("5m0s", 300), ("90", 90), ("1.5s", 1.5), ("300ms", 0.3)])
def test_a_flags_time_may_be_seconds(text: str, found: float) -> None:
    assert seconds(text) == found


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=5), one, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(
    ["app", "primary_region", "kill_signal", "kill_timeout", "deploy", "env", "http_service", "checks", "mounts", "vm",
     "services", "processes", "restart", "experimental", "metrics", "build", "statics", "files"]
)  # fmt: skip


@given(st.dictionaries(keys, values | st.floats(allow_nan=False, allow_infinity=False), max_size=6), values)
def test_whatever_stands_there_it_is_read_or_refused(said: dict[str, object], checks: object) -> None:
    found = read_config({**said, "http_service": said.get("http_service", {"internal_port": 80, "checks": checks})})
    error, text = found.verdict()
    assert isinstance(text, str)
    if not error:
        for group in found.groups:
            assert found.machines(group) >= 1


def test_configs_that_name_no_app_are_named(tmp_path: Path) -> None:
    (tmp_path / "fly.toml").write_text(GOOD)
    (tmp_path / "fly.b.toml").write_text("[[[")
    (tmp_path / "fly.c.toml").write_text(GOOD)
    (tmp_path / "fly.d.toml").write_text(GOOD.replace('"idea-board"', '""'))
    os.mkfifo(tmp_path / "fly.e.toml")
    apps, problems = describe_apps(tmp_path, {})
    assert [Path(one["config"]).name for one in apps] == ["fly.c.toml"]
    assert [next(name for name in ("fly.b", "fly.d", "fly.e", "fly.toml") if name in one) for one in problems] == [
        "fly.b",
        "fly.d",
        "fly.e",
        "fly.toml",
    ]
    assert "names the app idea-board of fly.c.toml again" in problems[-1]


def test_an_image_has_regular_files_of_the_project_alone(tmp_path: Path) -> None:
    app = tmp_path / "app"
    (app / "images/current").mkdir(parents=True)
    (app / "images/current/release.json").write_text("{}")
    assert releases_of(app) == ["current"]
    assert pack_image(app, "current") == pack_image(app, "current")
    (app / "images/current/x").symlink_to("/dev/zero")
    with pytest.raises(Exception, match="app/images/current/x is a link to something outside the project"):
        pack_image(app, "current")

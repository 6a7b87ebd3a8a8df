"""The values file of a cluster for fleets: fields that the operator and Kubernetes know, words that dask's commands take."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from distributed.cli import dask_scheduler, dask_worker

from lib.core.paths import ROOT

FILE = ROOT / "docs" / "how-to" / "fleet-kubernetes.yaml"
KNOWN = {
    "cluster": {"apiVersion", "kind", "metadata", "spec"},
    "spec": {"idleTimeout", "worker", "scheduler"},
    "pod": {"automountServiceAccountToken", "securityContext", "containers", "volumes"},
    "container": {
        "name",
        "image",
        "workingDir",
        "command",
        "args",
        "env",
        "envFrom",
        "ports",
        "readinessProbe",
        "resources",
        "securityContext",
        "volumeMounts",
    },
    "service": {"type", "selector", "ports"},
}
"""Fields of the operator's DaskCluster, and those of Kubernetes' core/v1 that the file uses.
Source: https://kubernetes.dask.org/en/latest/operator_resources.html and https://kubernetes.io/docs/reference/kubernetes-api/."""


@pytest.fixture(scope="module")
def cluster() -> Any:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def pods(cluster: Any) -> dict[str, Any]:
    return {name: cluster["spec"][name]["spec"] for name in ("worker", "scheduler")}


def test_it_is_a_cluster_of_the_operators_with_known_fields(cluster: Any) -> None:
    assert (cluster["apiVersion"], cluster["kind"]) == ("kubernetes.dask.org/v1", "DaskCluster")
    assert set(cluster) == KNOWN["cluster"]
    assert set(cluster["spec"]) == KNOWN["spec"]
    assert set(cluster["spec"]["worker"]) == {"replicas", "spec"}
    assert set(cluster["spec"]["scheduler"]) == {"spec", "service"}
    assert set(cluster["spec"]["scheduler"]["service"]) == KNOWN["service"]
    for pod in pods(cluster).values():
        assert set(pod) <= KNOWN["pod"]
        [container] = pod["containers"]
        assert set(container) <= KNOWN["container"]


def test_each_mount_has_its_volume_and_each_port_its_container(cluster: Any) -> None:
    for pod in pods(cluster).values():
        [container] = pod["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    [container] = pods(cluster)["scheduler"]["containers"]
    [port] = container["ports"]
    [served] = cluster["spec"]["scheduler"]["service"]["ports"]
    assert (served["targetPort"], served["port"]) == (port["name"], port["containerPort"])
    assert container["readinessProbe"]["tcpSocket"]["port"] == port["name"]


def test_its_commands_are_dasks_own(cluster: Any) -> None:
    for name, command in (("worker", dask_worker.main), ("scheduler", dask_scheduler.main)):
        [container] = pods(cluster)[name]["containers"]
        assert container["command"] == [".venv/bin/dask"]
        assert container["args"][0] == name
        known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        assert {word for word in container["args"] if word.startswith("--")} <= known
    [worker] = pods(cluster)["worker"]["containers"]
    name = cluster["metadata"]["name"]
    [served] = cluster["spec"]["scheduler"]["service"]["ports"]
    assert f"tls://{name}-scheduler:{served['port']}" in worker["args"]
    assert cluster["spec"]["scheduler"]["service"]["selector"]["dask.org/cluster-name"] == name


def test_nothing_in_it_has_more_rights_than_it_needs_or_holds_a_value(cluster: Any) -> None:
    for pod in pods(cluster).values():
        [container] = pod["containers"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert {one["name"]: one["value"] for one in container["env"]}["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] == "true"
        assert not [one["name"] for one in container["env"] if "__STAGING" in one["name"]]


def test_the_user_is_that_of_the_image(cluster: Any) -> None:
    image = (ROOT / "Containerfile").read_text(encoding="utf-8")
    for pod in pods(cluster).values():
        assert f"USER {pod['securityContext']['runAsUser']}\n" in image
        assert f"WORKDIR {pod['containers'][0]['workingDir']}\n" in image

"""How benchmarks are measured and told; none of it rests on how long anything takes."""

from __future__ import annotations

import json
import socket
import sys
import threading

from tests.benchmarks.delay import delayed
from tests.benchmarks.page import as_json, format_page, format_rows
from tests.benchmarks.rounds import Benchmark, Cost, Measured, Variant, measure, paired_ratios
from tests.benchmarks.whole_run import add_up_places, run_measured


def measured(order: list[str], skipped: dict[str, str] | None = None) -> Measured:
    seconds = {"ours": iter([1.0, 2.0, 3.0]), "theirs": iter([2.0, 8.0, 3.0])}

    def variant(name: str) -> Variant:
        def once() -> Cost:
            order.append(name)
            return Cost(wall_s=next(seconds[name]), cpu_s=None if name == "ours" else 1.0)

        return Variant(name=name, once=once)

    variants = [variant("ours"), variant("theirs")]
    pairs = [("ours", "theirs", "<= 0.30")]
    one = Benchmark(name="b", title="<B>", what="w", variants=variants, pairs=pairs, skipped=skipped or {})
    return measure(one, 3)


def test_variants_run_in_turn_and_ratios_are_of_one_round() -> None:
    order: list[str] = []
    found = measured(order)
    assert order == ["ours", "theirs"] * 3
    assert paired_ratios(found.costs["ours"], found.costs["theirs"], "wall_s") == [0.5, 0.25, 1.0]
    assert paired_ratios(found.costs["ours"], found.costs["theirs"], "cpu_s") == []


def test_terminal_json_and_page_tell_the_same() -> None:
    found = measured([], {"dask": "distributed is not installed"})
    assert "ours / theirs, wall: 0.500 (0.250 to 1.000); goal <= 0.30" in format_rows(found)
    assert "not measured: dask: distributed is not installed" in format_rows(found)
    told = json.loads(as_json([found], []))
    assert told["benchmarks"][0]["ratios"][0]["wall"] == [0.5, 0.25, 1.0]
    page = format_page([found], add_up_places([{"task rls": 1.0}, {"task rls": 3.0, "look at rls.x": 2.0}]))
    assert "&lt;B&gt;" in page
    assert "<td>0.500</td><td>1.000</td>" in page
    assert "<td>task rls</td><td>2.0</td>" in page
    assert "distributed is not installed" in page


def test_the_proxy_carries_every_byte_both_ways() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as one:
                while data := one.recv(65536):
                    one.sendall(data[::-1] if len(data) < 10 else data)

        threading.Thread(target=answer, daemon=True).start()
        with (
            delayed(server.getsockname()[1], round_trip_s=0.001) as port,
            socket.create_connection(("127.0.0.1", port)) as client,
        ):
            client.sendall(b"abc")
            assert client.recv(10) == b"cba"
            sent = bytes(range(256)) * 2000
            threading.Thread(target=client.sendall, args=(sent,), daemon=True).start()
            got = b""
            while len(got) < len(sent):
                got += client.recv(65536)
            assert got == sent


def test_a_program_is_measured_with_what_it_started() -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    cost = run_measured([sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"])
    assert cost.cpu_s is not None
    assert cost.cpu_s >= 0.3

"""The server's life: addresses, many callers, its end, its log, and the command."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from generators.model_server import Script, ScriptedModelServer

ROOT = Path(__file__).parents[3]
YES = "- {times: always, reply: yes indeed}"


def test_fifty_callers_at_once_with_faults_are_counted_to_the_token(serve, client):
    """Each caller keeps its connection and asks again until it is answered; both sides add up what was paid."""
    faults = [{"rate": 0.06, "fault": fault} for fault in (429, 500, "cut_before", "cut_middle", "malformed_body")]
    server = serve([{"times": "always", "reply": "one two three"}], faults=faults)
    ready = threading.Barrier(50)

    def converse(caller):
        one, paid = client(server), Counter()
        ready.wait(30)
        for turn in range(8):
            while True:
                try:
                    answer = one.chat(f"caller {caller}, turn {turn}", model=f"m{caller % 2}")
                    usage = answer.usage if answer.status == 200 else None
                except (http.client.HTTPException, OSError, ValueError):
                    one.connection.close()
                    usage = None
                if usage is not None:
                    break
                paid["failed"] += 1
            paid.update(answered=1, prompt=usage["prompt_tokens"], completion=usage["completion_tokens"])
        return paid

    with ThreadPoolExecutor(50) as callers:
        paid = sum(callers.map(converse, range(50)), Counter())
    counts = server.counts.values()
    assert sorted(server.counts) == ["m0", "m1"]
    assert paid["failed"] > 50
    assert sum(one.answered for one in counts) == paid["answered"] == 400
    assert sum(one.prompt_tokens for one in counts) == paid["prompt"]
    assert sum(one.completion_tokens for one in counts) == paid["completion"]
    assert sum(one.faults for one in counts) == paid["failed"]
    assert sum(one.calls for one in counts) == paid["answered"] + paid["failed"] == len(server.requests)
    assert [request.number for request in server.requests] == list(range(1, len(server.requests) + 1))
    assert not server.problems


def test_a_closed_server_leaves_no_thread_no_socket_and_may_be_closed_again(serve, client):
    before = set(threading.enumerate())
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    server = ScriptedModelServer(lambda request: {"text": "late", "delay_s": 3600})
    with server:
        idle, asking = client(server), client(server)
        idle.send("GET", "/v1/models")
        failed = []

        def ask():
            try:
                asking.chat("hello")
            except (http.client.HTTPException, OSError) as error:
                failed.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        while not server.requests:
            thread.join(0.01)
    thread.join(10)
    assert failed
    server.close()
    assert set(threading.enumerate()) == before
    idle.connection.close()
    asking.connection.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    assert server.counts["scripted"].abandoned == 1
    with pytest.raises(ConnectionRefusedError):
        client(server).chat("hello")


def test_a_server_starts_once_and_with_start_or_with_with():
    server = ScriptedModelServer(lambda request: "yes").start()
    with server as same:
        assert same is server
        assert server.url == f"http://127.0.0.1:{server.port}/v1"
        with pytest.raises(ValueError, match="started already"):
            server.start()


def test_a_port_that_is_taken_is_an_error_and_nothing_stays(tmp_path: Path):
    with ScriptedModelServer(lambda request: "yes") as first:
        second = ScriptedModelServer(lambda request: "yes", port=first.port, log=tmp_path / "calls.jsonl")
        with pytest.raises(OSError, match="in use"):
            second.start()
        second.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_addresses_that_others_reach_have_to_be_asked_for(host):
    with pytest.raises(ValueError, match="--expose"):
        ScriptedModelServer(lambda request: "yes", host=host)
    assert ScriptedModelServer(lambda request: "yes", host=host, expose=True).port == 0


def test_a_host_that_is_no_address_is_refused():
    with pytest.raises(ValueError, match="IP address"):
        ScriptedModelServer(lambda request: "yes", host="example.org")


def test_the_log_has_a_line_for_each_call_and_no_key(tmp_path: Path, serve, client):
    log = tmp_path / "calls.jsonl"
    script = Script.model_validate({"turns": [{"reply": "yes"}, {"reply": {"fault": 429}}]})
    server = serve(script, log=log)
    one = client(server)
    body = json.dumps({"model": "scripted", "messages": [{"role": "user", "content": "é"}]}).encode()
    for _ in range(3):
        one.send("POST", "/v1/chat/completions", body, Authorization="Bearer sk-very-secret")
    one.send("POST", "/v1/chat/completions", b"{")
    server.close()
    assert "very-secret" not in log.read_text("utf-8")
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [line["outcome"].split(":")[0] for line in lines] == ["answered", "429", "refused", "refused"]
    assert lines[0]["request"]["messages"][0]["content"] == "é"
    assert lines[0]["reply"] == {"text": "yes"}
    assert lines[3]["request"] == "{"


def test_requests_are_not_kept_where_nobody_wants_them(serve, client):
    server = serve(lambda request: "yes", keep_requests=False)
    assert client(server).chat("hello").text == "yes"
    assert server.requests == ()
    assert server.counts["scripted"].answered == 1


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_the_url_first_serves_and_ends_with_0(ending, tmp_path: Path):
    script, log = tmp_path / "script.yaml", tmp_path / "calls.jsonl"
    script.write_text(YES)
    words = [sys.executable, "-m", "mlesmith_env", "model-server", str(script), "--port", "0", "--log", str(log)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        url = process.stdout.readline().strip()
        exports = process.stdout.readline()
        assert exports.startswith("export ")
        assert f"OPENAI_BASE_URL={url}" in exports
        connection = http.client.HTTPConnection(url.removeprefix("http://").removesuffix("/v1"), timeout=30)
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]})
        connection.request("POST", "/v1/chat/completions", body)
        assert json.loads(connection.getresponse().read())["choices"][0]["message"]["content"] == "yes indeed"
        process.send_signal(ending)
        assert process.wait(30) == 0
        assert "m: 1 calls, 1 answered" in process.stderr.read()
        connection.close()
    assert len(log.read_text("utf-8").splitlines()) == 1


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_may_be_ended_as_soon_as_it_has_printed_the_url(ending, tmp_path: Path):
    (tmp_path / "script.yaml").write_text(YES)
    words = [sys.executable, "-m", "mlesmith_env", "model-server", str(tmp_path / "script.yaml")]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(ending)
        assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere.yaml"], "nowhere.yaml"),
        (["script.yaml", "--host", "0.0.0.0"], "--expose"),
        (["script.yaml", "--log", "nowhere/calls.jsonl"], "nowhere/calls.jsonl"),
    ],
    ids=str,
)
def test_the_command_says_what_is_wrong_and_ends_with_2(words, told, tmp_path: Path, monkeypatch, capsys):
    from mlesmith_env.cli import USAGE, main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.yaml").write_text(YES)
    with pytest.raises(SystemExit) as ended:
        main(["model-server", *words])
    assert ended.value.code == USAGE
    printed = capsys.readouterr()
    assert told in printed.err
    assert not printed.out

"""Records of calls: whole after a kill, given out in order, shared by processes, without keys."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from generators.chat.cache import Cache
from generators.chat.messages import Message, Purpose, Tool, ToolCall, Usage
from generators.chat.reading import RawCall, RawReply
from generators.chat.recording import RecordedCall, Recording
from generators.chat.redaction import without_keys
from generators.chat.request import Request, check_request
from generators.errors import NotRecordedError, RecordError

TASK = Purpose("designer", "wine")
ASKED = Request("openai/scripted", (Message("system", "s"), Message("user", "u")))
TOOL = Tool("look", "Looks.", {"type": "object", "properties": {}})
SECRET = "sk-very-secret-0123456789"


def said(text: str) -> RecordedCall:
    return RecordedCall(RawReply(text, (RawCall("c1", "look", "{"),)), "", Usage(1, 10, 5, 0, None, 0.5))


def failed(text: str) -> RecordedCall:
    return RecordedCall(None, text, Usage())


def write(record: Recording, call: RecordedCall, request: Request = ASKED, purpose: Purpose = TASK) -> None:
    record.write(purpose, request, request.key(), call, source="provider", attempts=1)


def test_a_replay_gives_each_call_once_in_order_with_its_errors(tmp_path: Path) -> None:
    with Recording(tmp_path / "calls.jsonl") as record:
        for call in (said("one"), failed("gone"), said("two")):
            write(record, call)
    with Recording(tmp_path / "calls.jsonl", "replay") as record:
        taken = [record.take(TASK, ASKED.key()) for _ in range(3)]
        assert [call.reply.text if call and call.reply else call and call.error for call in taken] == [
            "one",
            "gone",
            "two",
        ]
        assert taken[0] is not None
        assert taken[0].reply == said("one").reply
        assert taken[0].usage == said("one").usage
        with pytest.raises(
            NotRecordedError, match=r"does not hold this call of the designer of 'wine'; none of its calls"
        ):
            record.take(TASK, ASKED.key())


@pytest.mark.parametrize(
    "other",
    [
        Request("openai/other", ASKED.messages),
        Request(ASKED.model, ASKED.messages[:1]),
        Request(ASKED.model, ASKED.messages, (TOOL,)),
        Request(ASKED.model, ASKED.messages, asked={"temperature": 0.0}),
    ],
)
def test_anything_asked_otherwise_is_another_call(tmp_path: Path, other: Request) -> None:
    with Recording(tmp_path / "calls.jsonl") as record:
        write(record, said("one"))
    with Recording(tmp_path / "calls.jsonl", "replay") as record:
        with pytest.raises(NotRecordedError, match="1 other calls of it are left"):
            record.take(TASK, other.key())
        with pytest.raises(NotRecordedError):
            record.take(Purpose("designer", "iris"), ASKED.key())
        assert record.take(TASK, ASKED.key()) is not None


def test_a_line_cut_off_by_a_kill_is_ignored_and_the_record_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    with Recording(path) as record:
        write(record, said("one"))
        write(record, said("two"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 30])
    with Recording(path, "resume") as record:
        assert record.paid().calls == 1
        first = record.take(TASK, ASKED.key())
        assert first is not None
        assert first.reply is not None
        assert first.reply.text == "one"
        assert record.take(TASK, ASKED.key()) is None
        write(record, said("anew"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["reply"]["text"] for line in lines] == ["one", "anew"]


def test_every_byte_at_which_a_kill_may_come_leaves_a_record_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    with Recording(path) as record:
        write(record, said("one"))
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with Recording(path, "resume") as record:
            assert record.take(TASK, ASKED.key()) is None
            write(record, said("anew"))
        assert len(path.read_bytes().splitlines()) == 1


def test_a_call_that_failed_is_made_again_when_a_run_is_resumed_and_replays_as_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    with Recording(path) as record:
        write(record, said("one"))
        write(record, failed("gone"))
    with Recording(path, "resume") as record:
        assert record.take(TASK, ASKED.key()) is not None
        assert record.take(TASK, ASKED.key()) is None
        write(record, said("two"))
    with Recording(path, "replay") as record:
        calls = [record.take(TASK, ASKED.key()) for _ in range(2)]
        assert [call.reply.text for call in calls if call and call.reply] == ["one", "two"]


def test_messages_and_tools_stand_in_a_record_once(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    long = Request(ASKED.model, (Message("system", "x" * 10_000), Message("user", "u")), (TOOL,))
    longer = Request(long.model, (*long.messages, Message("assistant", "a"), Message("user", "v")), (TOOL,))
    with Recording(path) as record:
        write(record, said("one"), long)
        write(record, said("two"), longer)
    with Recording(path, "resume") as record:
        write(record, said("three"), longer)
    first, second, third = (json.loads(line) for line in path.read_text().splitlines())
    assert len(path.read_bytes()) < 15_000
    assert len(second["new"]) == 2
    assert third["new"] == {}
    told = {**first["new"], **second["new"]}
    assert [told[name]["text"] for name in third["request"]["messages"]] == ["x" * 10_000, "u", "a", "v"]
    assert told[third["request"]["tools"]][0]["name"] == "look"


@pytest.mark.parametrize("content", ["not json\n", '{"schema": 99}\n', "[1]\n", '{"schema": 1, "reply": null}\n'])
def test_a_file_that_is_no_record_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"calls\.jsonl, byte 0: this is no line of a record"):
        Recording(path, "resume")
    assert path.read_text() == content


def test_a_record_is_never_overwritten_and_one_to_replay_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    with pytest.raises(ValueError, match="cannot be opened"):
        Recording(path, "replay")
    with Recording(path) as record:
        write(record, said("one"))
    with pytest.raises(ValueError, match="--resume"):
        Recording(path)


WRITER = """
import sys
from pathlib import Path
from generators.chat.messages import Message, Purpose, Usage
from generators.chat.reading import RawReply
from generators.chat.recording import RecordedCall, Recording
from generators.chat.request import Request
with Recording(Path(sys.argv[1]), "resume") as record:
    for number in range(60):
        request = Request("m", (Message("user", f"{sys.argv[2]} {number} " + "x" * 5000),))
        call = RecordedCall(RawReply("ok"), "", Usage(1, 10, 5, 0, 0.25, 0.1))
        record.write(Purpose("agent", sys.argv[2]), request, request.key(), call, source="provider", attempts=1)
    print(record.paid().calls)
"""


def test_processes_share_a_record_and_each_sees_what_all_paid(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    with Recording(path) as record:
        running = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], stdout=subprocess.PIPE) for name in "abc"
        ]
        seen = [int(process.communicate()[0]) for process in running]
        assert record.paid() == Usage(180, 1800, 900, 0, 45.0, pytest.approx(18.0))
    assert max(seen) == 180
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 180


def test_a_record_knows_what_the_whole_run_took_by_role_and_task(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    with Recording(path) as record:
        write(record, said("one"))
        record.write(TASK, ASKED, ASKED.key(), failed("gone"), source="provider", attempts=3)
    with Recording(path, "resume") as record:
        record.write(TASK, ASKED, ASKED.key(), said("two"), source="provider", attempts=2)
        record.write(Purpose("agent"), ASKED, ASKED.key(), said("kept"), source="cache", attempts=0)
        for told in (record.ledger(), Recording(path, "replay").ledger()):
            assert told.usage(role="designer", task="wine") == Usage(2, 20, 10, 0, None, 1.0)
            assert told.usage(source="cache").calls == 1
            assert told.failed_attempts() == 4


def test_a_disk_that_takes_no_more_is_an_error_of_the_machinery() -> None:
    with Recording(Path("/dev/full")) as record, pytest.raises(RecordError, match="cannot be written: No space left"):
        write(record, said("one"))


def test_a_replay_needs_neither_litellm_nor_a_key(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    with Recording(path) as record:
        write(record, RecordedCall(RawReply("from the record"), "", Usage(1, 1, 1, 0, None, 0.1)))
    ran = subprocess.run([sys.executable, "-c", REPLAY, str(path)], env={}, capture_output=True, text=True, check=True)
    assert ran.stdout == "from the record\n"


REPLAY = """
import sys
from pathlib import Path
sys.modules["litellm"] = None
from generators.chat.messages import Message, Purpose
from generators.chat.model_chat import ModelChat
from generators.chat.model_run import ModelRun
with ModelRun(record=Path(sys.argv[1]), mode="replay") as run:
    chat = ModelChat("openai/scripted", run=run)
    messages = [Message("system", "s"), Message("user", "u")]
    print(chat.complete(messages, purpose=Purpose("designer", "wine")).message.text)
"""


def test_no_key_of_the_environment_is_written_to_a_record_or_a_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    request = Request(
        "m",
        (
            Message("user", f"my key is {SECRET}"),
            Message("assistant", "", (ToolCall("c", "t", {"k": SECRET}),)),
            Message("tool", SECRET, call_id="c"),
        ),
    )
    with Recording(tmp_path / "calls.jsonl") as record:
        write(record, RecordedCall(RawReply(f"you said {SECRET}"), "", Usage()), request)
        write(record, failed(f"bad {SECRET}"), request)
    cache = Cache(tmp_path / "cache.sqlite")
    cache.put("k", RawReply(f"you said {SECRET}"), Usage())
    cache.close()
    for path in tmp_path.iterdir():
        assert SECRET.encode() not in path.read_bytes(), path


def test_a_word_that_stands_for_no_key_is_left_in_what_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "scripted")
    with Recording(tmp_path / "calls.jsonl") as record:
        write(record, RecordedCall(RawReply("It was scripted."), "", Usage()))
    with Recording(tmp_path / "calls.jsonl", "replay") as record:
        call = record.take(TASK, ASKED.key())
    assert call is not None
    assert call.reply == RawReply("It was scripted.")


@pytest.mark.parametrize(
    "said_of_a_key",
    [
        "Incorrect API key provided: sk-abc1*****6789.",
        "Authorization: Bearer abcdef123456",
        "http://me:hunter22@host/v1",
    ],
)
def test_what_looks_like_a_key_is_taken_out_of_errors(said_of_a_key: str) -> None:
    told = without_keys(said_of_a_key)
    assert "[key removed]" in told
    assert not any(part in told for part in ("sk-abc1", "6789", "abcdef123456", "hunter22"))


def test_a_cache_gives_a_task_its_replies_again_and_another_task_its_own(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "cache.sqlite"
    first = Cache(path)
    keys = [first.place(TASK, "k", "") for _ in range(2)]
    assert len({*keys, first.place(Purpose("designer", "iris"), "k", ""), first.place(TASK, "k", "http://x")}) == 4
    first.put(keys[0], RawReply("one"), Usage(1, 2, 3, 0, None, 0.1))
    first.close()
    second = Cache(path)
    assert second.place(TASK, "k", "") == keys[0]
    assert second.get(keys[0]) == (RawReply("one"), Usage(1, 2, 3, 0, None, 0.1))
    assert second.get(keys[1]) is None
    second.close()


def test_a_file_that_is_no_cache_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"this is a text of somebody" * 100)
    with pytest.raises(ValueError, match="name another file"):
        Cache(path)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [Message("user", "u"), Message("tool", "r", call_id="c9")],
        [Message("user", "u"), Message("assistant", "", (ToolCall("c1", "look"),))],
        [Message("user", "u"), Message("assistant", "", (ToolCall("c1", "look"),)), Message("user", "v")],
    ],
)
def test_what_no_provider_could_answer_is_refused_before_it_is_sent(messages: list[Message]) -> None:
    with pytest.raises(ValueError, match="call"):
        check_request(messages, [])
    with pytest.raises(ValueError, match="tools of one name"):
        check_request([Message("user", "u")], [TOOL, TOOL])

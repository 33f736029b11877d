"""Jupyter messages become results, whatever is in them."""

from __future__ import annotations

import base64

from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxes.kernels.messages import Transcript, plain
from sandboxes.kernels.output import Clipped, ClippedBytes
from sandboxes.sandbox import ExecutionStatus


def test_streams_result_and_end_are_told_apart() -> None:
    transcript = Transcript(100)
    transcript.add_output("stream", {"name": "stdout", "text": "out"})
    transcript.add_output("stream", {"name": "stderr", "text": "err"})
    transcript.add_output("execute_result", {"data": {"text/plain": "42"}})
    assert not transcript.finished
    transcript.add_output("status", {"execution_state": "idle"})
    assert not transcript.finished
    transcript.add_reply({"status": "ok"})
    assert transcript.finished
    found = transcript.result(0.5)
    assert (found.stdout, found.stderr, found.result, found.seconds) == ("out", "err", "42", 0.5)
    assert found.ok


def test_an_error_has_a_plain_traceback_and_is_told_once() -> None:
    transcript = Transcript(1000)
    error = {"ename": "ValueError", "evalue": "no", "traceback": ["\x1b[31mValueError\x1b[0m", "\x1b[1;32mno\x1b[0m"]}
    transcript.add_output("error", error)
    transcript.add_reply({"status": "error", **error})
    found = transcript.result(0.0)
    assert found.status is ExecutionStatus.ERROR
    assert (found.error_name, found.error_message, found.traceback) == ("ValueError", "no", "ValueError\nno")


def test_an_aborted_reply_is_not_a_success_in_disguise() -> None:
    transcript = Transcript(10)
    transcript.add_reply({"status": "aborted"})
    assert transcript.aborted


def test_pictures_go_to_displays_and_other_displays_to_text() -> None:
    transcript = Transcript(1000)
    picture = base64.b64encode(b"bytes").decode()
    transcript.add_output("display_data", {"data": {"image/png": picture, "text/plain": "<Figure>"}})
    transcript.add_output("display_data", {"data": {"text/plain": "shown"}})
    found = transcript.result(0.0)
    assert [(d.mime, d.data) for d in found.displays] == [("image/png", b"bytes")]
    assert found.stdout == "shown\n"


def test_pictures_are_bounded() -> None:
    transcript = Transcript(1000)
    picture = base64.b64encode(b"x" * (3 << 20)).decode()
    for _ in range(10):
        transcript.add_output("display_data", {"data": {"image/png": picture}})
    assert sum(len(d.data) for d in transcript.result(0.0).displays) <= 16 << 20


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
)
kinds = st.sampled_from(["stream", "execute_result", "display_data", "error", "status", "clear_output", "x"])
keys = st.sampled_from(["name", "text", "data", "ename", "evalue", "traceback", "execution_state", "image/png"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(kinds, st.dictionaries(keys, anything, max_size=4)), max_size=6),
    st.dictionaries(keys, anything, max_size=4),
)
def test_forged_messages_raise_nothing(messages: list[tuple[str, dict[str, object]]], reply: dict[str, object]) -> None:
    transcript = Transcript(50)
    for kind, content in messages:
        transcript.add_output(kind, content)
    transcript.add_reply(reply)
    assert transcript.result(0.0).status in (ExecutionStatus.OK, ExecutionStatus.ERROR)


def test_terminal_codes_are_removed() -> None:
    assert plain("\x1b[1;31mred\x1b[0m \x1b]0;title\x07text\x1b(B") in ("red textB", "red text", "red text\x1b(B")
    assert plain("plain [31m") == "plain [31m"


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=30), st.integers(1, 40))
def test_clipped_text_keeps_head_and_tail_and_counts_the_rest(parts: list[str], limit: int) -> None:
    clipped = Clipped(limit)
    for part in parts:
        clipped.add(part)
    whole = "".join(parts)
    assert clipped.dropped == max(0, len(whole) - limit)
    if clipped.dropped:
        head, tail = limit - limit // 2, limit // 2
        assert clipped.text().startswith(whole[:head])
        assert clipped.text().endswith(whole[len(whole) - tail :] if tail else "")
        assert f"[{clipped.dropped} characters dropped]" in clipped.text()
    else:
        assert clipped.text() == whole


def test_a_character_cut_between_two_reads_is_one_character() -> None:
    clipped = ClippedBytes(100)
    for byte in "äß€".encode():
        clipped.add(bytes([byte]))
    clipped.add(b"\xff")
    assert clipped.text() == "äß€\ufffd"

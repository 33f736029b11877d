"""One connection over HTTP/1.1: it stays open for more requests."""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from generators.model_server.exchange import Exchanges
from generators.model_server.protocol_error import ProtocolError

MAX_BODY_BYTES = 64 * 2**20
"""A request that is longer is refused unread."""
_CHAT = "/v1/chat/completions"
_MODELS = "/v1/models"
_ANY_MODEL = "scripted"
"""What is listed where every name is served."""


class Connection(BaseHTTPRequestHandler):
    """Reads requests, sends answers; what is said comes from `exchanges`."""

    protocol_version = "HTTP/1.1"
    server_version = "mlesmith-model-server"
    timeout = 300.0
    wbufsize = -1
    disable_nagle_algorithm = True

    def __init__(self, *arguments: Any, exchanges: Exchanges, closing: Event, next_number: Callable[[], int]) -> None:
        self._exchanges = exchanges
        self._closing = closing
        self._next_number = next_number
        super().__init__(*arguments)

    def do_POST(self) -> None:
        """A chat request."""
        raw = self._body()
        if raw is None:
            return
        path = urlsplit(self.path).path
        if path != _CHAT:
            self._refuse(ProtocolError(404, f"Nothing is served at POST {path}; chat is at {_CHAT}.", code="not_found"))
            return
        key = "Authorization" in self.headers
        with contextlib.suppress(OSError):
            self._exchanges.serve(raw, number=self._next_number(), key_given=key, wire=self)
            return
        self.close_connection = True

    def do_GET(self) -> None:
        """The models."""
        path = urlsplit(self.path).path
        names = self._exchanges.model.models or (_ANY_MODEL,)
        if path == _MODELS:
            self._send_data({"object": "list", "data": [_card(name) for name in names]})
        elif path.startswith(f"{_MODELS}/"):
            name = path.removeprefix(f"{_MODELS}/")
            if name in names:
                self._send_data(_card(name))
            else:
                self._refuse(ProtocolError(404, f"The model {name!r} does not exist."))
        else:
            self._refuse(ProtocolError(404, f"Nothing is served at GET {path}.", code="not_found"))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Nothing is printed."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the library finds wrong, in the protocol's words."""
        self.close_connection = True
        self._refuse(ProtocolError(code, message or explain or "", code="bad_http"))

    def send_json(self, body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """A whole answer. Raises `OSError` where the caller is gone."""
        self._check_caller()
        self._begin(status, {"Content-Length": str(len(body)), **(headers or {})})
        self.wfile.write(body)
        self.wfile.flush()

    def send_slowly(self, pieces: list[bytes], *, seconds: float) -> None:
        """A whole answer in pieces, spread over a time."""
        self._begin(200, {"Content-Length": str(sum(map(len, pieces)))})
        for piece in pieces:
            self.wait(seconds / len(pieces))
            self.wfile.write(piece)
            self.wfile.flush()

    def send_events(self, pieces: list[bytes], *, whole: bool = True, seconds: float = 0.0) -> None:
        """Server-sent events, in the end cut off where not `whole`."""
        self._check_caller()
        self._begin(200, {"Transfer-Encoding": "chunked"}, kind="text/event-stream")
        for piece in pieces:
            if seconds:
                self.wait(seconds / len(pieces))
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        if not whole:
            self.cut()
            return
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def send_part(self, body: bytes, *, length: int) -> None:
        """The beginning of an answer; then the connection is cut."""
        self._begin(200, {"Content-Length": str(length)})
        self.wfile.write(body)
        self.wfile.flush()
        self.cut()

    def cut(self) -> None:
        """End the connection without a word."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def wait(self, seconds: float) -> None:
        """Let time pass; raises `OSError` where the server ends meanwhile, or the caller is gone after it."""
        if seconds and self._closing.wait(seconds):
            raise ConnectionAbortedError("the server is closed")
        self._check_caller()

    def _begin(self, status: int, headers: dict[str, str], *, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _check_caller(self) -> None:
        waiting = select.poll()  # `select` knows no descriptor above 1023
        waiting.register(self.connection, select.POLLIN)
        if waiting.poll(0) and not self.connection.recv(1, socket.MSG_PEEK):
            raise ConnectionAbortedError("the caller is gone")

    def _send_data(self, data: object) -> None:
        self.send_json(json.dumps(data).encode())

    def _refuse(self, error: ProtocolError) -> None:
        with contextlib.suppress(OSError):
            self.send_json(json.dumps(error.body).encode(), status=error.status, headers=dict(error.headers))
            return
        self.close_connection = True

    def _body(self) -> bytes | None:
        """The body of a request; None where it was refused."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self.close_connection = True
            self._refuse(ProtocolError(411, "Send a Content-Length.", code="length_required"))
            return None
        if int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._refuse(ProtocolError(413, f"At most {MAX_BODY_BYTES:,} bytes are read.", code="too_large"))
            return None
        raw = self.rfile.read(int(length))
        if len(raw) < int(length):
            self.close_connection = True
            return None
        return raw


def _card(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "scripted"}

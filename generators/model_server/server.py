"""The scripted model served over HTTP."""

from __future__ import annotations

import ipaddress
import itertools
import socket
import socketserver
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from generators.model_server.call_log import CallLog
from generators.model_server.connection import Connection
from generators.model_server.exchange import Exchanges
from generators.model_server.model import Play, ScriptedModel
from generators.model_server.opening import open_model
from generators.model_server.request import ChatRequest
from generators.model_server.script import Script
from generators.model_server.tally import ModelCounts

_JOIN_S = 5.0
_POLL_S = 0.05


class ScriptedModelServer:
    """Serves a scripted model until it is closed: `with ScriptedModelServer(script) as server: ... server.url ...`.

    `script` is a script file, `module.py:function`, a function from `ChatRequest` to reply, a `Script` or a
    `ScriptedModel`; `port` 0 takes a free one; `log` is a file to which each call is appended as a JSON line. Without
    `keep_requests` `requests` stays empty, for servers that run long. Raises `ValueError` where the script cannot be
    used, or where `host` is no loopback address and `expose` does not allow it.
    """

    def __init__(
        self,
        script: ScriptedModel | Script | Play | Path | str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        expose: bool = False,
        log: Path | None = None,
        keep_requests: bool = True,
    ) -> None:
        self._host = _address(host, expose=expose)
        self._wanted_port = port
        self._model = open_model(script)
        self._log_path = log
        self._log: CallLog | None = None
        self._keep_requests = keep_requests
        self._exchanges = Exchanges(self._model, keep_requests=keep_requests)
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None
        self._port = 0

    def start(self) -> Self:
        """Begin to serve. Raises `OSError` where the port is taken or the log cannot be written."""
        if self._listener is not None:
            raise ValueError("the server is started already")
        self._log = None if self._log_path is None else CallLog(self._log_path)
        self._exchanges = Exchanges(self._model, log=self._log, keep_requests=self._keep_requests)
        try:
            self._listener = _Listener(self._host, self._wanted_port, self._exchanges)
        except OSError:
            if self._log is not None:
                self._log.close()
            raise
        self._port = int(self._listener.server_address[1])
        self._thread = threading.Thread(
            target=partial(self._listener.serve_forever, _POLL_S), name="scripted-model-server", daemon=True
        )
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop: open connections are ended, threads with them. May be called twice."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.closing.set()
        listener.shutdown()
        listener.server_close()
        listener.end_connections()
        if self._thread is not None:
            self._thread.join(_JOIN_S)
        if self._log is not None:
            self._log.close()

    def __enter__(self) -> Self:
        return self if self._listener is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The port that is served at, 0 before the start."""
        return self._port

    @property
    def url(self) -> str:
        """What clients take as base URL of the provider, `/v1` included."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/v1"

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the environment that send OpenAI's client and litellm here; the key opens nothing."""
        return {"OPENAI_BASE_URL": self.url, "OPENAI_API_BASE": self.url, "OPENAI_API_KEY": "scripted"}

    @property
    def requests(self) -> tuple[ChatRequest, ...]:
        """All chat requests that the protocol allows, in the order in which they came."""
        return tuple(sorted(self._exchanges.requests.copy(), key=lambda request: request.number))

    @property
    def counts(self) -> dict[str, ModelCounts]:
        """What was counted, by the model's name."""
        return self._exchanges.tally.counts

    @property
    def problems(self) -> tuple[str, ...]:
        """What the script had no answer to, where it failed, and what the protocol does not allow: empty in a test that
        went as it was written."""
        return tuple(self._exchanges.problems)


class _Listener(socketserver.TCPServer):
    """Accepts connections, each in a thread of its own."""

    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, host: str, port: int, exchanges: Exchanges) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        numbers = itertools.count(1)
        connection = partial(Connection, exchanges=exchanges, closing=self.closing, next_number=partial(next, numbers))
        super().__init__((host, port), connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection."""
        thread = threading.Thread(target=self._converse, args=(request, client_address), daemon=True)
        with self._lock:
            self._open[request] = thread
        thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that goes away is no error; anything else is one of ours, and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def end_connections(self) -> None:
        """End those that are open and wait for their threads; one that is in a script's function may take its time."""
        with self._lock:
            left = dict(self._open)
        for connection in left:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was quicker
        deadline = time.monotonic() + _JOIN_S
        for thread in left.values():
            thread.join(max(deadline - time.monotonic(), 0.0))

    def _converse(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:  # noqa: BLE001 - as in the library: a thread has nobody to raise to
            self.handle_error(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)
            self.shutdown_request(request)


def _address(host: str, *, expose: bool) -> str:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise ValueError(f"host {host!r}: give an IP address, such as 127.0.0.1") from None
    if not address.is_loopback and not expose:
        raise ValueError(f"host {host}: others could reach the server there; ask for it with --expose (expose=True)")
    return str(address)

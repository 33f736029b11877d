"""Errors as the protocol has them: a status and a JSON body with message, type, parameter and code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TYPES = {
    401: "invalid_request_error",
    403: "permission_error",
    404: "invalid_request_error",
    429: "rate_limit_exceeded",
    500: "server_error",
    502: "server_error",
    503: "server_error",
    504: "server_error",
}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
_MESSAGES = {
    400: "The request cannot be used.",
    401: "The API key is not known here.",
    403: "This is not allowed.",
    404: "The model does not exist.",
    429: "Too many requests: wait and try again.",
    500: "The server had an error while it worked on the request.",
    502: "The server behind this one cannot be reached.",
    503: "The engine is overloaded: try again later.",
    504: "The server behind this one took too long.",
}


class ProtocolError(Exception):
    """An answer with an HTTP status of 400 or more; the message is for the caller."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self.status = status
        self.message = message or _MESSAGES.get(status, "The request failed.")
        self.code = code or _CODES.get(status)
        self.param = param
        self.retry_after_s = retry_after_s
        super().__init__(f"{status}: {self.message}")

    @property
    def body(self) -> dict[str, Any]:
        """What is sent."""
        kind = _TYPES.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers beside the usual ones."""
        return {} if self.retry_after_s is None else {"Retry-After": f"{self.retry_after_s:g}"}

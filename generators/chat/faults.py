"""What went wrong at a provider: whether another attempt may help, and what the user can do."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Iterator, Mapping
from typing import Literal

from generators.chat.json_text import well_formed
from generators.chat.redaction import without_keys

Kind = Literal["key", "model", "quota", "length", "content", "request", "passing"]
"""A key that is missing or refused, a model that does not exist, money or quota used up, a conversation that is too
long, content that the provider refuses, a request that it refuses, or a fault that may pass."""

_PASSING = frozenset({408, 409, 425, 429})
_QUOTA = ("insufficient_quota", "exceeded your current quota", "credit balance is too low", "billing_hard_limit")
_NO_KEY = ("missing credentials", "api_key", "api key", "no credentials", "could not load credentials")
_PREFIX = re.compile(r"^(?:(?:litellm\.)?\w*(?:Error|Timeout|Timeout Error): )*(?:\w+Exception - )?")
"""What litellm puts before a provider's words."""
_TRACEBACK = re.compile(r"\s*Traceback \(most recent call last\)")
_LONGEST = 600
"""Characters of a provider's message that are passed on."""


class Fault(Exception):  # noqa: N818 - passed between the provider and the attempts; users see `ModelError`
    """One attempt failed.

    `status`: of HTTP, None where no answer came; `said`: the provider's or the network's own words, without keys;
    `retry_after_s`: how long the provider asks to wait.
    """

    def __init__(self, kind: Kind, status: int | None, said: str, retry_after_s: float | None = None) -> None:
        super().__init__(said)
        self.kind = kind
        self.status = status
        self.said = said
        self.retry_after_s = retry_after_s

    @property
    def may_pass(self) -> bool:
        """Whether another attempt may help."""
        return self.kind == "passing"

    def refuses(self, *words: str) -> bool:
        """Whether the request was refused with one of these words."""
        said = self.said.lower()
        return self.kind in ("request", "model") and any(word in said for word in words)


def fault_of(error: BaseException) -> Fault:
    """The fault behind an error of litellm or of what it stands on."""
    status = _status(error)
    said = without_keys(well_formed(_words(error, status)))[:_LONGEST]
    return Fault(_kind(error, status, said), status, said, _retry_after(error))


def _kind(error: BaseException, status: int | None, said: str) -> Kind:
    names = {type(link).__name__ for link in _chain(error)}
    low = said.lower()
    if "ContextWindowExceededError" in names:
        return "length"
    if "ContentPolicyViolationError" in names:
        return "content"
    if status is None:
        return _unanswered(names, low)
    if status == 402 or any(word in low for word in _QUOTA):
        return "quota"
    if status in (401, 403):
        return "key"
    if status in _PASSING or status >= 500:
        return "passing"
    return "model" if status == 404 else "request"


def _unanswered(names: set[str], said: str) -> Kind:
    """What kept a call from being answered: the network, or litellm, which sent nothing."""
    if "provider not provided" in said:
        return "model"
    if names & {"AuthenticationError", "PermissionDeniedError"} or any(word in said for word in _NO_KEY):
        return "key"
    if names & {"BadRequestError", "UnsupportedParamsError", "NotFoundError", "UnprocessableEntityError"}:
        return "request"
    return "passing"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from, down to the first one."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _status(error: BaseException) -> int | None:
    """The status that a server sent. litellm makes up an answer where none came; only one from the network says which
    HTTP it was."""
    for link in _chain(error):
        response = getattr(link, "response", None)
        status = getattr(response, "status_code", None)
        if isinstance(status, int) and "http_version" in (getattr(response, "extensions", None) or {}):
            return status
    return None


def _words(error: BaseException, status: int | None) -> str:
    said = str(getattr(error, "message", "") or error or type(error).__name__)
    said = _PREFIX.sub("", _TRACEBACK.split(said)[0]).strip()
    *_, first = _chain(error)
    cause = _TRACEBACK.split(str(first))[0]
    if status is None and cause not in said:
        said = f"{said.rstrip('.')}: {cause}"
    return " ".join(said.split())


def _retry_after(error: BaseException) -> float | None:
    for link in _chain(error):
        for holder in (getattr(link, "response", None), link):
            for name in ("headers", "litellm_response_headers"):
                headers = getattr(holder, name, None)
                if isinstance(headers, Mapping) and (given := _wait_in(headers)) is not None:
                    return given
    return None


def _wait_in(headers: Mapping[str, str]) -> float | None:
    names = {str(name).lower(): str(value) for name, value in headers.items()}
    try:
        if "retry-after-ms" in names:
            return max(0.0, float(names["retry-after-ms"]) / 1000)
        return max(0.0, float(names["retry-after"]))
    except KeyError:
        return None
    except ValueError:
        pass
    parsed = email.utils.parsedate_tz(names.get("retry-after", ""))
    return None if parsed is None else max(0.0, email.utils.mktime_tz(parsed) - time.time())

"""When a turn of a script applies."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from generators.model_server.reply import Part
from generators.model_server.request import ChatRequest


def _regular_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"it is no regular expression: {error}") from None
    return text


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str | int) and not isinstance(value, bool) else value


_Pattern = Annotated[str, Field(min_length=1), AfterValidator(_regular_expression)]
_Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_listed)]
_Numbers = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_listed)]


class Conditions(Part):
    """All that are given have to hold. Texts are compared as they stand, names may have the wildcards `*` and `?`."""

    holds: _Texts = ()
    """Texts that messages hold, each of them any message."""
    lacks: _Texts = ()
    """Texts that no message holds."""
    last_holds: _Texts = ()
    """Texts that the last message holds."""
    system_holds: _Texts = ()
    """Texts that the system's messages hold."""
    matches: _Pattern | None = None
    """A regular expression found in any message."""
    last_matches: _Pattern | None = None
    """A regular expression found in the last message."""
    model: str | None = None
    """The model's name."""
    task: str | None = None
    """The tag of the conversation: `metadata.task` or `user` of the request."""
    offers: _Texts | None = None
    """Tools that are offered, these and maybe others; an empty list: none is offered."""
    after: str | None = None
    """The tool that the model called last in this conversation."""
    answer_format: Literal["text", "json_object", "json_schema"] | None = None
    schema_name: str | None = None
    """Name of the schema of the structured answer that is asked for."""
    tool_choice: str | None = None
    """`auto`, `none`, `required`, or the name of the tool that has to be called."""
    said: _Numbers | None = None
    """How many messages of the model the conversation holds already: 0 at its beginning; or a list of such numbers."""
    call: _Numbers | None = None
    """The number of the call among all to this server, from 1; or a list of such numbers."""

    def hold(self, request: ChatRequest) -> bool:
        """Whether all hold for this request."""
        return self._about_request(request) and self._about_texts(request)

    def _about_request(self, request: ChatRequest) -> bool:
        named = (
            (self.model, request.model),
            (self.task, request.task),
            (self.after, request.called[-1] if request.called else ""),
            (self.answer_format, request.answer_format),
            (self.schema_name, request.schema_name),
            (self.tool_choice, request.tool_choice),
        )
        if any(pattern is not None and not fnmatchcase(name, pattern) for pattern, name in named):
            return False
        if self.offers is not None:
            offered = set(self.offers) <= set(request.offered) if self.offers else not request.offered
            if not offered:
                return False
        return (self.said is None or request.said in self.said) and (self.call is None or request.number in self.call)

    def _about_texts(self, request: ChatRequest) -> bool:
        texts, last = request.texts, request.last
        return (
            all(any(wanted in text for text in texts) for wanted in self.holds)
            and not any(unwanted in text for unwanted in self.lacks for text in texts)
            and all(wanted in last for wanted in self.last_holds)
            and (not self.system_holds or all(wanted in request.system for wanted in self.system_holds))
            and (self.matches is None or any(re.search(self.matches, text) for text in texts))
            and (self.last_matches is None or re.search(self.last_matches, last) is not None)
        )

"""A chat with a model of any provider: recorded, counted, bounded."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from generators.chat.attempts import attempt
from generators.chat.faults import Fault
from generators.chat.messages import Message, Purpose, Reply, Tool, Usage
from generators.chat.model_run import ModelRun
from generators.chat.options import ChatOptions
from generators.chat.parallel import SLOTS
from generators.chat.provider import Provider
from generators.chat.reading import RawReply, read_reply
from generators.chat.recording import RecordedCall
from generators.chat.request import Request, check_request
from generators.errors import ModelError


class ModelChat:
    """A `Chat` with the model that a litellm string names, such as `openai/gpt-5`. Safe for many threads.

    Chats of one run share its ledger, budget, record and cache.
    """

    def __init__(self, model: str, options: ChatOptions | None = None, *, run: ModelRun | None = None) -> None:
        """Raises `ValueError` for an empty model string."""
        if not model.strip():
            raise ValueError("a chat needs a model string, such as openai/gpt-5")
        self._model = model
        self.options = options or ChatOptions()
        self.run = run or ModelRun()
        self._provider = Provider(model, self.options)

    @property
    def model(self) -> str:
        """The model string, as a record names it."""
        return self._model

    def complete(
        self,
        messages: Sequence[Message],
        *,
        purpose: Purpose,
        tools: Sequence[Tool] = (),
        answer: type[BaseModel] | None = None,
    ) -> Reply:
        """See `Chat.complete`. Raises also `RecordError` where the record cannot be written or, replayed, lacks the
        call, and `ValueError` for messages that no provider could answer, and where a budget in money is set and the
        model has no known price."""
        check_request(messages, tools)
        request = Request(self._model, tuple(messages), tuple(tools), answer, self.options.asked())
        key, run = request.key(), self.run
        place = "" if run.cache is None else run.cache.place(purpose, key, self._provider.server())
        recorded = None if run.recording is None else run.recording.take(purpose, key)
        if recorded is not None:
            if recorded.reply is None:
                raise ModelError(recorded.error)
            run.ledger.add(purpose, recorded.usage, "record")
            return read_reply(recorded.reply, request, recorded.usage, "record")
        kept = None if run.cache is None else run.cache.get(place)
        if kept is not None:
            run.enter(purpose, request, key, RecordedCall(kept[0], "", kept[1]), source="cache", attempts=0)
            return read_reply(kept[0], request, kept[1], "cache")
        raw, usage = self._ask(purpose, request, key)
        if run.cache is not None:
            run.cache.put(place, raw, usage)
        return read_reply(raw, request, usage, "provider")

    def _ask(self, purpose: Purpose, request: Request, key: str) -> tuple[RawReply, Usage]:
        lost = 0
        budget = self.run.spending.budget
        if budget.usd is not None and not self._provider.priced():
            raise ValueError(
                f"--budget-usd cannot be kept: litellm knows no price of {self._model}; give its prices, "
                "or use --budget-tokens or --budget-calls"
            )

        def failed(_: Fault) -> None:
            nonlocal lost
            lost += 1
            self.run.ledger.add_failed_attempt(purpose)

        def enter(call: RecordedCall) -> None:
            attempts = lost + (call.reply is not None)
            self.run.enter(purpose, request, key, call, source="provider", attempts=attempts)

        def once() -> tuple[RawReply, Usage]:
            with SLOTS.slot():
                return self._provider.ask(request, failed)

        with self.run.spending.call() as admitted:
            try:
                raw, usage = attempt(once, self.options, failed)
            except Fault as fault:
                error = ModelError(self._provider.advice(fault, lost))
                call = RecordedCall(None, str(error), Usage())
                admitted.settle(lambda: enter(call))
                raise error from None
            admitted.settle(lambda: enter(RecordedCall(raw, "", usage)))
        return raw, usage

"""What an attack is, and what can become of one.

An attack is data: what it is after, the code that an agent would run, and how its success is judged. Success is never
what the attacked code says of itself: either a secret that only the host knows came out, or the host sees the effect.
Where a system call's success shows nowhere else, the code answers with a proof that it computes after the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from sandboxes.sandbox import ExecutionResult, IsolationLevel

if TYPE_CHECKING:
    from sandboxes.attacks.scene import Scene

_FAULTS_OF_THE_ATTACK = ("NameError", "SyntaxError", "IndentationError", "TypeError", "AttributeError", "UnboundLocal")
_EVIDENCE_CHARS = 120


class Group(StrEnum):
    """What an attack is after."""

    READING = "reading answers"
    TAMPERING = "tampering"
    ESCAPE = "escape"
    NETWORK = "network"
    EXHAUSTION = "exhaustion"
    PERSISTENCE = "persistence"


class Weak(StrEnum):
    """Targets that are known to be open, on which attacks are shown to succeed."""

    PROCESS = "process"
    """The level of that name: the host's rights for foreign code, the host itself as careful as ever."""
    TRUSTING = "trusting"
    """A plain kernel whose host follows links, believes messages and has no limits."""
    HALF_CAREFUL = "half careful"
    """One whose host checks a file before it reads it, and starts another kernel in the same home folder."""
    REUSED = "reused"
    """One kernel for every agent, its variables deleted in between."""


class Outcome(StrEnum):
    """What became of an attack."""

    LEAK = "LEAK"
    SHUT = "shut"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one attack and what shows it."""

    outcome: Outcome
    evidence: str
    """One line; for `not applicable`, why."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack. `code` is a `string.Template` whose names are filled in by the scene, as Python literals."""

    name: str
    group: Group
    aim: str
    """One sentence on what the attacker wants."""
    code: str = ""
    judge: Callable[[Scene, ExecutionResult], Verdict] | None = None
    """Judges what the code gave, by default by whether a secret came out."""
    act: Callable[[Scene, Attack], Verdict] | None = None
    """For attacks of several steps: carries it out and judges it."""
    lasting: bool = False
    """Whether it leaves something in the session, which is replaced before the next attack."""
    shown_on: Weak = Weak.PROCESS
    """The weak target on which it is shown to succeed."""
    needs_root: bool = False
    """Whether only a root without isolation has what it is after."""
    known_open: Mapping[IsolationLevel, str] = field(default_factory=dict)
    """Levels that are not meant to stop it, with the reason."""


@dataclass(frozen=True, slots=True)
class AttackResult:
    """What became of one attack on one target."""

    name: str
    group: Group
    aim: str
    outcome: Outcome
    evidence: str
    known_open: str = ""
    """For a leak: why the level is not meant to stop this; empty where it is."""
    seconds: float = 0.0

    @property
    def leak(self) -> bool:
        """Whether something got through that the level is meant to stop."""
        return self.outcome is Outcome.LEAK and not self.known_open


class AttackFaultError(Exception):
    """The attack itself is broken, so that nothing can be said about the sandbox."""


def leak(evidence: str) -> Verdict:
    """The attack reached its aim."""
    return Verdict(Outcome.LEAK, _line(evidence))


def shut(evidence: str) -> Verdict:
    """The attack was stopped."""
    return Verdict(Outcome.SHUT, _line(evidence))


def not_applicable(why: str) -> Verdict:
    """The attack means nothing here."""
    return Verdict(Outcome.NOT_APPLICABLE, _line(why))


def secret_came_out(scene: Scene, result: ExecutionResult) -> Verdict:
    """By whether anything that the code showed holds one of the host's secrets."""
    shown = everything(result)
    found = next((secret for secret in scene.secrets if secret in shown), None)
    return leak(f"the secret {found[:14]}... came out") if found else shut(refusal(result))


def proof_came_out(scene: Scene, result: ExecutionResult) -> Verdict:
    """By whether the code printed the proof that stands behind the call it tried."""
    lines = [line for line in result.stdout.splitlines() if scene.proof in line]
    return leak(lines[0].replace(scene.proof, "").strip() or "it worked") if lines else shut(refusal(result))


def everything(result: ExecutionResult) -> str:
    """All that an execution gave to the host, as one text."""
    shown = [result.stdout, result.stderr, result.result, result.error_message, result.traceback]
    return "\n".join([*shown, *(display.data.decode(errors="replace") for display in result.displays)])


def refusal(result: ExecutionResult) -> str:
    """One line on what stopped the code. Raises `AttackFaultError` where the attack is at fault."""
    text = f"{result.error_name} {result.error_message}" if result.error_name else ""
    if any(name in text for name in _FAULTS_OF_THE_ATTACK):
        raise AttackFaultError(text)
    if not text:
        text = result.reason or result.stdout.strip().rpartition("\n")[2] or "nothing came out"
    return text


def _line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _EVIDENCE_CHARS else line[: _EVIDENCE_CHARS - 3] + "..."

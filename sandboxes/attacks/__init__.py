"""Attacks on sandboxes, by which a defence is shown to hold, and to be able to fail.

run_attacks(Target("local", lambda *, public, limits, seed: LocalSandbox(public=public, limits=limits, seed=seed)))
"""

from sandboxes.attacks.attack import Attack, AttackFaultError, AttackResult, Group, Outcome, Verdict
from sandboxes.attacks.runner import ATTACKS, run_attacks
from sandboxes.attacks.scene import Scene, Target

__all__ = [
    "ATTACKS",
    "Attack",
    "AttackFaultError",
    "AttackResult",
    "Group",
    "Outcome",
    "Scene",
    "Target",
    "Verdict",
    "run_attacks",
]

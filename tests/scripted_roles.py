"""What a scripted model says when it plays a role: calls of tools, and answers."""

from __future__ import annotations

from typing import Any


def call(name: str, /, **arguments: Any) -> dict[str, Any]:
    """A reply that calls one tool."""
    return {"calls": [{"name": name, "arguments": arguments}]}


def finish(**answer: Any) -> dict[str, Any]:
    """A reply that gives an answer."""
    return call("finish", **answer)


def idea(**changes: Any) -> dict[str, Any]:
    """A sound idea for the table `orders`, or one with other fields."""
    sound = {
        "title": "Will an order be late?",
        "summary": "Predict the status of an order from what is known when it is sent.",
        "why": "Late orders cost money, and carrier and distance tell of them.",
        "table": "orders",
        "target": {"column": "status"},
        "objective": "multiclass classification",
        "inputs": ["weight_kg", "distance_km", "carrier", "fragile", "price"],
        "metric": "macro_f1",
        "metric_why": "Each status weighs the same.",
        "split": {"kind": "stratified", "why": "The orders are independent of one another."},
    }
    return {**sound, **changes}

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.datasets.profile import DatasetProfile
from generators.datasets.profiling import profile_dataset
from generators.datasets.raw import RawDataset
from generators.datasets.sources import open_source
from generators.roles.proposal import Proposal, Proposals
from generators.roles.protocols import Draft
from generators.roles.rules import RulesBrainstormer, RulesDesigner


@dataclass(frozen=True, eq=False)
class World:
    """A raw dataset and what is known of it."""

    dataset: RawDataset
    profile: DatasetProfile
    _found: dict[int, Proposals] = field(default_factory=dict)

    def propose(self, limit: int = 3, existing=()):
        return RulesBrainstormer().propose(self.dataset, self.profile, limit=limit, existing=existing)

    def found(self, limit: int = 12) -> Proposals:
        """What is proposed, thought of once."""
        if limit not in self._found:
            self._found[limit] = self.propose(limit)
        return self._found[limit]

    def proposal(self, target: str, limit: int = 12) -> Proposal:
        """The proposal whose target has that name."""
        found = self.found(limit)
        for proposal in found.proposals:
            if proposal.target.name == target:
                return proposal
        raise AssertionError(f"no {target!r} in {[p.target.name for p in found.proposals]}; {found.refusals}")

    def design(self, proposal: Proposal, root: Path, *, seed: int = 0) -> Draft:
        return RulesDesigner().design(proposal, self.dataset, self.profile, root, seed=seed)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes a world out of frames (written as CSV files) or of a source as a user names it."""
    with ExitStack() as stack:

        def make(source: str | Path | None = None, **frames: pd.DataFrame) -> World:
            if source is None:
                folder = tmp_path / "shop_orders"
                folder.mkdir(exist_ok=True)
                for name, frame in frames.items():
                    frame.to_csv(folder / f"{name}.csv", index=False)
                source = folder
            dataset = stack.enter_context(open_source(source))
            return World(dataset, profile_dataset(dataset))

        yield make


@pytest.fixture(scope="session")
def orders() -> pd.DataFrame:
    """A table as shops have it: an id, a customer, a moment, measures, categories and two things worth knowing."""
    rng = np.random.default_rng(3)
    n = 900
    weight = rng.gamma(2.0, 3.0, n).round(2)
    distance = rng.integers(5, 900, n)
    carrier = rng.choice(["north", "south", "post"], n, p=[0.5, 0.3, 0.2])
    slow = (carrier == "post") * 2.0 + distance / 300 + rng.normal(0, 0.8, n)
    status = np.where(slow > 3.6, "late", np.where(slow > 2.2, "in time", "early")).astype(object)
    status[:3] = "lost"
    price = np.exp(1.0 + 0.12 * weight + distance / 700 + rng.normal(0, 0.35, n)).round(2)
    return pd.DataFrame(
        {
            "order_id": [f"A{number:05d}" for number in rng.permutation(n)],
            "weight_kg": weight,
            "distance_km": distance,
            "carrier": carrier,
            "fragile": rng.choice(["yes", "no"], n),
            "days_late_fee": np.where(status == "late", rng.integers(1, 9, n), 0),
            "price": price,
            "status": status,
        }
    )


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, orders: pd.DataFrame) -> Iterator[World]:
    """The table of orders as a raw dataset, which no test changes."""
    folder = tmp_path_factory.mktemp("raw") / "shop_orders"
    folder.mkdir()
    orders.to_csv(folder / "orders.csv", index=False)
    with open_source(folder) as dataset:
        yield World(dataset, profile_dataset(dataset))


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory, shop: World) -> Path:
    """A finished package, not to be changed."""
    return shop.design(shop.proposal("status"), tmp_path_factory.mktemp("designed") / "package").root

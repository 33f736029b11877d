"""A shop in four related tables, and what a scripted model says of it: will a customer buy again?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.scripted_roles import idea

CUTOFF = "2024-08-31"
_PRODUCTS, _CUSTOMERS = 30, 320


def write_shop(folder: Path) -> Path:
    """`customers.csv`, `orders.csv`, `items.csv` and `products.csv`: orders of one year by 320 customers."""
    rng = np.random.default_rng(5)
    customers = pd.DataFrame(
        {
            "customer_id": [f"C{number:04d}" for number in rng.permutation(_CUSTOMERS)],
            "country": rng.choice(["AT", "DE", "NL", "PL"], _CUSTOMERS, p=[0.2, 0.4, 0.2, 0.2]),
            "segment": rng.choice(["home", "office", "trade"], _CUSTOMERS, p=[0.5, 0.3, 0.2]),
            "signed_up": pd.to_datetime("2023-01-01") + pd.to_timedelta(rng.integers(0, 360, _CUSTOMERS), unit="D"),
        }
    )
    products = pd.DataFrame(
        {
            "product_id": np.arange(100, 100 + _PRODUCTS),
            "category": rng.choice(["books", "garden", "kitchen", "toys"], _PRODUCTS),
            "list_price": rng.gamma(3, 8, _PRODUCTS).round(2) + 1,
        }
    )
    begin = pd.Timestamp("2024-01-01")
    days, owners = [], []
    for owner, segment in zip(customers["customer_id"], customers["segment"], strict=True):
        past = rng.integers(0, 243, 1 + rng.poisson({"home": 1.5, "office": 2.5, "trade": 4.0}[segment]))
        idle = 243 - past.max()
        chance = 1 / (1 + np.exp(-(0.9 * (len(past) - 3) - 0.03 * (idle - 50))))
        future = rng.integers(250, 366, rng.integers(1, 4)) if rng.random() < chance else []
        days += [*past, *future]
        owners += [owner] * (len(past) + len(future))
    orders = pd.DataFrame({"customer_id": owners, "ordered_at": begin + pd.to_timedelta(np.array(days), unit="D")})
    orders = orders.sort_values(["ordered_at", "customer_id"], ignore_index=True)
    orders.insert(0, "order_id", np.arange(5000, 5000 + len(orders)))
    orders["channel"] = rng.choice(["web", "phone", "store"], len(orders))
    lines = np.repeat(orders["order_id"].to_numpy(), rng.integers(1, 4, len(orders)))
    items = pd.DataFrame(
        {
            "order_id": lines,
            "product_id": rng.choice(products["product_id"], len(lines)),
            "quantity": rng.integers(1, 5, len(lines)),
        }
    )
    folder.mkdir(parents=True)
    for name, table in (("customers", customers), ("orders", orders), ("items", items), ("products", products)):
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


def returning(**changes: Any) -> dict[str, Any]:
    """A sound plan for the shop, or one with other fields."""
    ordered, spent = ["orders.customer_id", "orders.ordered_at"], ["items.quantity", "products.list_price"]
    sound = idea(
        title="Who buys again?",
        summary="Predict whether a customer orders again in the last four months of the year, from the orders before.",
        why="A shop writes to those who may stay away, and past orders tell of them.",
        table="customers",
        target={"rule": "planned", "name": "returns"},
        objective="binary classification",
        inputs=["country", "segment", "days_known", "orders_before", "days_since_last", "spent", "favourite"],
        metric="roc_auc",
        metric_why="Customers are to be ranked.",
        split={"kind": "stratified", "why": "A row for each customer."},
        plan="A row for each customer with an order by 2024-08-31. returns is 1 where an order of theirs is later.",
        plan_sources=["customers.customer_id", *ordered, *spent],
        plan_classes=["0", "1"],
        plan_inputs=[
            {"name": "days_known", "sources": ["customers.signed_up"], "how": "Days from signing up to the cutoff."},
            {"name": "orders_before", "sources": ordered, "how": "Number of orders by the cutoff."},
            {"name": "days_since_last", "sources": ordered, "how": "Days from the last order by then to the cutoff."},
            {"name": "spent", "sources": [*ordered, *spent], "how": "Quantity times price over the orders by then."},
            {"name": "favourite", "sources": [*ordered, "products.category"], "how": "Category of most items by then."},
        ],
        plan_joins=[{"column": "items.order_id", "other_column": "orders.order_id"}],
        plan_answers=ordered,
        plan_cutoff={"column": "orders.ordered_at", "moment": CUTOFF},
    )
    return {**sound, **changes}


SHOP_PREPARE = '''"""Customers of a shop and whether they order again."""

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 0
ID = "row_id"
TARGET = "returns"
INPUTS = ["country", "segment", "days_known", "orders_before", "days_since_last", "spent", "favourite"]
CUTOFF = pd.Timestamp("2024-08-31")


def customer_rows(raw: Path) -> pd.DataFrame:
    """A row for each customer who had ordered by the cutoff."""
    customers = pd.read_csv(raw / "customers.csv", parse_dates=["signed_up"])
    orders = pd.read_csv(raw / "orders.csv", parse_dates=["ordered_at"])
    items = pd.read_csv(raw / "items.csv").merge(pd.read_csv(raw / "products.csv"), on="product_id")
    past = orders[orders["ordered_at"] <= CUTOFF]
    later = orders[orders["ordered_at"] > CUTOFF]
    bought = items.merge(past[["order_id", "customer_id"]], on="order_id")
    bought["paid"] = bought["quantity"] * bought["list_price"]
    by_customer = past.groupby("customer_id")["ordered_at"]
    rows = customers[customers["customer_id"].isin(past["customer_id"])].set_index("customer_id").sort_index()
    rows["days_known"] = (CUTOFF - rows["signed_up"]).dt.days
    rows["orders_before"] = by_customer.size()
    rows["days_since_last"] = (CUTOFF - by_customer.max()).dt.days
    rows["spent"] = bought.groupby("customer_id")["paid"].sum().round(2)
    counts = bought.groupby(["customer_id", "category"])["quantity"].sum().reset_index()
    counts = counts.sort_values(["customer_id", "quantity", "category"], ascending=[True, False, True])
    rows["favourite"] = counts.drop_duplicates("customer_id").set_index("customer_id")["category"]
    rows[TARGET] = rows.index.isin(later["customer_id"]).astype(int)
    return rows.reset_index()[[*INPUTS, TARGET]].drop_duplicates(INPUTS)


def prepare(raw: Path, public: Path, private: Path) -> None:
    """Write the tables of participants and the answers."""
    rows = customer_rows(raw).sample(frac=1, random_state=SEED).reset_index(drop=True)
    rows.insert(0, ID, rows.index)
    drawn = [group.sample(frac=0.3, random_state=SEED) for _, group in rows.groupby(TARGET)]
    is_test = rows.index.isin(pd.concat(drawn).index)
    train, test = rows[~is_test], rows[is_test]
    rng = np.random.default_rng(SEED)
    sample = pd.DataFrame({ID: test[ID], TARGET: rng.random(len(test)).round(3)})
    for folder, name, table in (
        (public, "train.csv", train),
        (public, "test.csv", test.drop(columns=TARGET)),
        (public, "sample_submission.csv", sample),
        (private, "test_answer.csv", test[[ID, TARGET]]),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / name, index=False, lineterminator="\\n")
'''
"""A sound prepare.py for the plan."""

SHOP_DESCRIPTION = """# Who buys again?

Predict whether a customer of a shop orders again in the four months after the last day that is known, from what they
ordered before: `returns` is 1 where they do, else 0.

## Files

- `train.csv`: the inputs and the target `returns`
- `test.csv`: the inputs of the customers to be judged
- `sample_submission.csv`: a submission in the right form, with values of no meaning
- `description.txt`: this text

## Columns

- `row_id`: names the row and says nothing of the customer
- `country`, `segment`: words, as the shop keeps them of the customer
- `days_known`: days since the customer signed up
- `orders_before`, `days_since_last`, `spent`: number of orders so far, days since the last of them, and their worth
- `favourite`: the category that the customer bought most of
- `returns`: the target, in `train.csv` alone

## Evaluation

ROC AUC of the probabilities that `returns` is 1. Higher is better, 1 is perfect and 0.5 no better than chance.

## Submission

A CSV file `submission.csv` with the columns `row_id` and `returns` and a row for each row of `test.csv`:

```
row_id,returns
3,0.7
7,0.1
```
"""
"""A sound description for it."""

FUTURE = ('rows["orders_before"] = by_customer.size()', 'rows["orders_before"] = orders.groupby("customer_id").size()')
"""The passage of prepare.py that counts the orders, and one that counts those of the future, too."""

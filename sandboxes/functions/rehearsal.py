"""What functions usually do first, done once by a process that stands by for a call.

Memory that is shared with the fork server is copied page by page at its first touch, which takes longer than what most
calls do with it. Nothing here starts a thread: a function may want to fork.
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from collections.abc import Iterator
from typing import Any

_TABLE = "id,a,b,c\n" + "\n".join(f"{n},{n / 7},{'xyz'[n % 3]},{n % 2}" for n in range(60)) + "\n"


def steps() -> Iterator[None]:
    """Use the libraries that are loaded, a little at each step. Leaves no state; random states must be set afterwards.

    Raises whatever foreign libraries do.
    """
    pandas: Any = sys.modules.get("pandas")
    if pandas is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = pandas.read_csv(io.StringIO(_TABLE))
        yield
        table.to_csv(io.StringIO(), index=False)
        yield
        text = pandas.read_csv(io.BytesIO(_TABLE.encode()), dtype=str, keep_default_na=False)
        pandas.to_numeric(text.a, errors="coerce").isna().any()
        yield
        text.b.isin(["x"]).sum(), text.b.str.strip().eq("").any(), text.id.duplicated().any(), text.b.unique()
        yield
        table.assign(d=table.a * 2.0).groupby("b").a.mean()
        yield
        table.sort_values("a").merge(table[["id", "c"]], on="id").drop_duplicates("id").set_index("id").loc[[1, 2]]
        yield
        table.sample(frac=0.5, random_state=0).reset_index(drop=True)
        yield
        table.drop(columns="c").iloc[::2].copy().equals(table)
        text.astype({"a": float}).to_numpy()
        json.dumps({"value": 1.5})

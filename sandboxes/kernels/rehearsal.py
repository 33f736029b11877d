"""A spare session's rehearsal: what first cells usually do, done once while nobody waits.

Memory that is shared with the fork server is copied page by page at its first touch, which makes a first cell several
times as slow as the next. A spare has the time to touch it beforehand.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from typing import Any

CODE = "__import__('sandboxes.kernels.rehearsal').rehearsal.rehearse()"
"""What a session is to execute for it, without a trace in its history."""
_TABLE = "a,b,c\n" + "\n".join(f"{n},{n / 7},{'xyz'[n % 3]}" for n in range(30)) + "\n"


def rehearse() -> None:
    """Use the libraries that are loaded. Leaves no variable; random states must be set afterwards."""
    with contextlib.suppress(Exception), warnings.catch_warnings():  # foreign libraries; nothing hangs on a rehearsal
        warnings.simplefilter("ignore")
        if "pandas" in sys.modules:
            _tables()
        if "sklearn.linear_model" in sys.modules and "sklearn.ensemble" in sys.modules:
            _models()
    sys.stdout.write("rehearsed\n")  # what shows output is rehearsed too; nobody listens


def _tables() -> None:
    pandas: Any = sys.modules["pandas"]
    table = pandas.read_csv(io.StringIO(_TABLE))
    table["d"] = table.a * 2.0
    table.groupby("c").b.mean()
    pandas.get_dummies(table.c)
    table.describe()
    table.head().to_string()
    table.to_csv(io.StringIO(), index=False)


def _models() -> None:
    numpy: Any = sys.modules["numpy"]
    linear: Any = sys.modules["sklearn.linear_model"]
    ensemble: Any = sys.modules["sklearn.ensemble"]
    features = numpy.arange(60.0).reshape(30, 2)
    target = (features[:, 0] > 30).astype(int)
    linear.LinearRegression().fit(features, target).predict(features)
    if "pandas" in sys.modules:
        table = sys.modules["pandas"].DataFrame(features, columns=["a", "b"])
        linear.LinearRegression().fit(table, target).predict(table)
    linear.LogisticRegression().fit(features, target).predict_proba(features)
    ensemble.RandomForestClassifier(2, random_state=0).fit(features, target).predict(features)

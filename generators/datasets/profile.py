"""Profile: what is known of a raw dataset before anyone proposes a competition. Facts only, no frames."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class ColumnType(StrEnum):
    """What a column means, not how it is stored."""

    ID = "id"
    """Names a row or an entity and measures nothing."""
    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    ORDINAL = "ordinal"
    """Categories with an order, `order` gives it from low to high."""
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TEXT = "text"
    """Free text: sentences, names, formulas, structured strings; hardly ever the same twice."""
    PATH = "path"
    """Path or name of a media file."""
    LOCATION = "location"
    """Latitude, longitude, post code."""
    CONSTANT = "constant"
    EMPTY = "empty"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class NumericSummary(_Frozen):
    """Distribution of a numeric column, missing values left out."""

    minimum: float
    maximum: float
    mean: float
    std: float
    quantiles: tuple[float, float, float, float, float]
    """At 5, 25, 50, 75 and 95 %."""
    skew: float
    zeros: float
    """Share of exact zeros, 0 to 1."""
    integers: bool
    """All values are whole numbers."""
    outliers: float
    """Share of values beyond 3 interquartile ranges from the quartiles, 0 to 1."""


class TextSummary(_Frozen):
    """Lengths of a text column's values."""

    mean_chars: float
    mean_words: float
    max_chars: int


class ColumnProfile(_Frozen):
    """One column: type by meaning and distribution."""

    name: str
    type: ColumnType
    dtype: str
    """The pandas dtype as read."""
    why: str
    """The evidence for `type`, one clause."""
    count: int
    """Rows in all."""
    missing: int
    distinct: int
    """Distinct values, missing ones not counted."""
    examples: tuple[str, ...] = ()
    top: tuple[tuple[str, int], ...] = ()
    """Most frequent values as text with their counts, most frequent first (ties by value): at most 20, or all of a
    categorical column of up to 200."""
    numeric: NumericSummary | None = None
    text: TextSummary | None = None
    order: tuple[str, ...] = ()
    """Categories from low to high, for ordinal columns."""
    time_format: str = ""
    """strptime format that reads all of a datetime column, `ISO8601` or `mixed`; empty for a number (a year)."""
    time_range: tuple[str, str] | None = None
    """First and last moment, ISO 8601."""
    unit: str = ""
    """Unit of numbers written as text, such as `$`, `%` or `kg`. A numeric column whose `dtype` is text holds numbers
    that have to be read out of it (`generators.datasets.quantities`)."""

    @property
    def missing_share(self) -> float:
        """Share of missing values, 0 to 1."""
        return self.missing / self.count if self.count else 0.0


class Dependency(_Frozen):
    """Columns that determine another one, exactly or nearly."""

    determinants: tuple[str, ...]
    dependent: str
    kind: str
    """`copy` (same values), `recoding` (one-to-one), `function` (one value of the dependent for each determinant),
    `sum`, `difference`, `product`, `ratio`, `linear`, `rank` (monotone)."""
    strength: float
    """Share of rows where it holds, 0 to 1."""
    evidence: str


class Group(_Frozen):
    """A column whose value names an entity that several rows belong to (a player, a patient, a film)."""

    column: str
    groups: int
    rows_per_group: float
    why: str


class Link(_Frozen):
    """Values of one table's column that point to a key of another table."""

    table: str
    column: str
    other_table: str
    other_column: str
    coverage: float
    """Share of the rows with a value whose value is found in the other column, 0 to 1."""
    unique: bool
    """Whether the other column is a key there (many-to-one)."""


class TableProfile(_Frozen):
    """One table."""

    name: str
    path: str
    rows: int
    columns: tuple[ColumnProfile, ...]
    keys: tuple[tuple[str, ...], ...] = ()
    """Column sets that identify a row, smallest first."""
    duplicate_rows: int = 0
    near_duplicate_rows: int = 0
    """Rows that repeat another one but for ids and small numeric differences."""
    groups: tuple[Group, ...] = ()
    time_columns: tuple[str, ...] = ()
    """Columns that order the rows in time, best first."""
    dependencies: tuple[Dependency, ...] = ()

    def column(self, name: str) -> ColumnProfile:
        """The column of that name. Raises `KeyError` with the names there are."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(
            f"no column {name!r} in table {self.name!r}; there are: {', '.join(c.name for c in self.columns)}"
        )


class DatasetProfile(_Frozen):
    """A whole raw dataset."""

    name: str
    digest: str
    tables: tuple[TableProfile, ...]
    links: tuple[Link, ...] = ()

    def table(self, name: str) -> TableProfile:
        """The table of that name. Raises `KeyError`."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(f"no table {name!r} in profile of {self.name!r}")


class Leak(_Frozen):
    """A column that gives a target away, with the evidence."""

    column: str
    kind: str
    """`copy`, `recoding`, `function`, `arithmetic` (with others), `threshold`, `rank`, `after_the_fact` (known only
    once the target is), `missingness`, `identifier`, `name`, `prediction` (somebody's estimate of the target),
    `single_feature`, `future` (what the target will be, in a series), `field` (a header or tag inside of texts)."""
    strength: float
    """0 to 1; 1 gives the target exactly."""
    evidence: str

"""What the words in column names and categories say: identifiers, times, places, estimates, consequences."""

from __future__ import annotations

import re

_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def name_tokens(name: str) -> tuple[str, ...]:
    """Lower-case words of a column name: `playerID` and `player_id` both give `("player", "id")`."""
    return tuple(part.lower() for part in _PARTS.findall(str(name)))


def has_token(name: str, words: frozenset[str]) -> bool:
    """Whether one of the name's words (or its singular) is among `words`."""
    return any(token in words or token.rstrip("s") in words for token in name_tokens(name))


ID_WORDS = frozenset(
    {"id", "ids", "uid", "uuid", "guid", "key", "pk", "isbn", "ssn", "iban", "vin", "imei", "doi", "slug", "url", "uri"}
    | {"link", "href", "identifier", "accession", "barcode", "sku", "serial", "hash", "md5", "sha", "sha1", "sha256"}
    | {"permalink", "handle", "username"}
)
WEAK_ID_WORDS = frozenset(
    {"code", "no", "num", "nr", "number", "index", "idx", "ref", "reference", "unnamed", "row", "record", "ticket"}
    | {"account", "invoice", "case", "passport", "plate", "seq", "sequence", "order", "entry", "instant", "obs"}
)
"""Words that name an identifier only where the values are (nearly) unique."""

YEAR_WORDS = frozenset({"year", "yr", "years", "season", "yyyy", "vintage"})
TIME_WORDS = frozenset(
    {"date", "time", "datetime", "timestamp", "day", "dt", "ts", "month", "week", "period", "when", "epoch", "quarter"}
    | {"created", "updated", "modified", "published", "posted", "released", "start", "end", "dob", "birthday"}
    | {"debut", "hour", "moment", "datum", "fecha", "dteday", "since", "until", "at"}
)
COUNTER_WORDS = frozenset({"time", "day", "week", "month", "hour", "step", "epoch", "t", "tick", "period", "quarter"})
"""Names under which 1, 2, 3 ... counts time rather than rows."""

BIRTH_WORDS = frozenset({"birth", "born", "dob", "birthday", "death", "died", "deceased", "founded", "built"})
"""Times that describe an entity and do not order the rows."""

POST_CODE_WORDS = frozenset({"zip", "zipcode", "postal", "postcode", "postalcode", "plz"})
LATITUDE_WORDS = frozenset({"lat", "latitude"})
LONGITUDE_WORDS = frozenset({"lon", "lng", "long", "longitude"})

COUNT_WORDS = frozenset(
    {"number", "num", "count", "cnt", "n", "total", "sum", "children", "child", "kids", "rooms", "room", "bedroom"}
    | {"bathroom", "bath", "bed", "floor", "storey", "age", "size", "length", "width", "height", "weight", "amount"}
    | {
        "quantity",
        "qty",
        "visit",
        "days",
        "years",
        "hours",
        "minutes",
        "seconds",
        "siblings",
        "sibsp",
        "parch",
        "doors",
    }
    | {"seats", "goals", "points", "wins", "losses", "runs", "hits", "errors", "pixel", "votes", "degree", "times"}
    | {"price", "cost", "income", "ring", "cylinder", "carburetor", "gear", "members", "persons", "people", "tenure"}
)
CLASS_WORDS = frozenset(
    {"class", "label", "target", "type", "category", "cat", "cluster", "group", "kind", "species", "code", "region"}
    | {"status", "segment", "division", "department", "sex", "gender", "race", "ethnicity", "occupation", "zone"}
    | {
        "district",
        "channel",
        "contact",
        "marital",
        "religion",
        "origin",
        "position",
        "color",
        "colour",
        "shape",
        "weather",
    }
    | {"holiday", "county", "country", "state", "city", "site", "ward", "blood", "brand", "make", "model", "product"}
)
LEVEL_WORDS = frozenset(
    {"rating", "quality", "grade", "level", "stage", "stars", "star", "pclass", "severity", "likert", "satisfaction"}
    | {
        "education",
        "edu",
        "tier",
        "priority",
        "score",
        "condition",
        "rank",
        "risk",
        "season",
        "month",
        "mnth",
        "weekday",
    }
    | {"dayofweek", "dow", "quarter", "stress", "pain", "importance", "overallqual", "overallcond"}
)
CALENDAR_WORDS = frozenset({"month", "mnth", "mon", "weekday", "dayofweek", "dow", "quarter", "season"})

ESTIMATE_WORDS = frozenset(
    {"predicted", "prediction", "predict", "pred", "preds", "predictions", "estimate", "estimated", "est", "estim"}
    | {"calc", "calculated", "computed", "expected", "forecast", "forecasted", "fitted", "yhat", "imputed", "modelled"}
    | {"modeled", "simulated", "projected", "projection", "proxy", "posterior", "proba", "probability", "logit"}
    | {"zestimate", "theoretical", "model", "score"}
)
WEAK_ESTIMATE_WORDS = frozenset({"model", "score", "probability", "expected", "proxy", "est", "theoretical"})
"""Estimates only where the relation is close: `car_model` estimates nothing."""

CONSEQUENCE_WORDS = frozenset(
    {"cost", "repair", "claim", "payout", "payment", "paid", "settlement", "compensation", "reimbursement", "refund"}
    | {
        "loss",
        "losses",
        "lost",
        "damage",
        "damages",
        "injury",
        "injuries",
        "injured",
        "fatality",
        "fatalities",
        "killed",
    }
    | {"casualties", "death", "deaths", "dead", "died", "deceased", "mortality", "survival", "survived", "survivor"}
    | {"outcome", "result", "results", "decision", "verdict", "ruling", "sentence", "conviction", "convicted"}
    | {"vote", "votes", "voted", "ballot", "ballots", "elected", "inducted", "inductee", "winner", "win", "wins", "won"}
    | {"rank", "ranking", "ranked", "standing", "standings", "medal", "award", "awarded", "prize", "champion"}
    | {"discharge", "discharged", "readmitted", "readmission", "cancelled", "cancellation", "churn", "churned"}
    | {
        "closed",
        "closing",
        "resolution",
        "resolved",
        "resolve",
        "completed",
        "completion",
        "final",
        "finish",
        "finished",
    }
    | {"default", "defaulted", "delinquent", "recovery", "recoveries", "collection", "chargeoff", "charged", "writeoff"}
    | {"approved", "approval", "rejected", "rejection", "accepted", "granted", "denied", "effect", "consequence"}
    | {"penalty", "fine", "arrest", "arrested", "exit", "terminated", "termination", "retention", "arrival", "arrived"}
)
"""What is known only after the fact, when the target is a fact of the same case."""

WEAK_CONSEQUENCE_WORDS = frozenset(
    {
        "total",
        "status",
        "score",
        "amount",
        "points",
        "net",
        "gross",
        "revenue",
        "profit",
        "response",
        "reason",
        "needed",
    }
    | {"remaining", "balance", "severity", "actual", "elapsed", "duration", "end", "ended", "last", "after", "post"}
)
"""Consequences only where the figures are close to proof."""

BOOKKEEPING_WORDS = frozenset(
    {"usd", "eur", "gbp", "total", "log", "log10", "log1p", "ln", "scaled", "norm", "normalized", "normalised", "std"}
    | {"pct", "percent", "ratio", "class", "code", "label", "cat", "category", "bin", "binned", "flag", "group", "band"}
    | {"level", "encoded", "enc", "num", "numeric", "number", "old", "new", "copy", "raw", "final", "adj", "adjusted"}
    | {
        "real",
        "true",
        "actual",
        "value",
        "val",
        "index",
        "id",
        "idx",
        "bucket",
        "rounded",
        "round",
        "int",
        "str",
        "text",
    }
    | {
        "orig",
        "original",
        "clean",
        "cleaned",
        "desc",
        "description",
        "name",
        "is",
        "has",
        "dollars",
        "amount",
        "1",
        "2",
    }
    | {"x", "y", "z", "zscore", "rank", "quantile", "decile", "quartile", "bis", "alt", "dup", "duplicate", "k"}
)
"""Words that turn a name into another name of the same quantity."""

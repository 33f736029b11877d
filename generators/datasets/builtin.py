"""scikit-learn's bundled datasets, written as the raw files that a person would have found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LICENCE = "BSD-3-Clause of scikit-learn, which distributes this copy; the set's description states none of its own"
"""All that the installed copy states about any of the sets."""


@dataclass(frozen=True, slots=True)
class _Bundled:
    loader: str
    target: str
    title: str
    source: str
    names: Mapping[str, str] = field(default_factory=dict)
    """Better column names."""
    options: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = False
    """All inputs are whole numbers."""


_SETS = {
    "breast-cancer": _Bundled(
        "load_breast_cancer",
        "diagnosis",
        "Breast cancer Wisconsin (diagnostic)",
        "W. H. Wolberg, W. N. Street, O. L. Mangasarian (1995), UCI Machine Learning Repository.\n"
        "Measures of cell nuclei in digitised images of fine needle aspirates of breast masses: mean, standard error\n"
        "and worst (mean of the three largest) value of ten properties; the diagnosis is malignant or benign.",
    ),
    "wine": _Bundled(
        "load_wine",
        "cultivar",
        "Wine recognition",
        "M. Forina et al., PARVUS, Genoa; UCI Machine Learning Repository.\n"
        "Chemical analysis of wines grown in the same region of Italy from three cultivars.",
        {"od280/od315_of_diluted_wines": "od280_od315_of_diluted_wines"},
    ),
    "diabetes": _Bundled(
        "load_diabetes",
        "disease_progression",
        "Diabetes progression",
        "B. Efron, T. Hastie, I. Johnstone, R. Tibshirani (2004), Least Angle Regression, Annals of Statistics 32.\n"
        "Ten measures of 442 diabetes patients and a quantitative measure of disease progression one year later.",
        {
            "bmi": "body_mass_index",
            "bp": "blood_pressure",
            "s1": "total_serum_cholesterol",
            "s2": "low_density_lipoproteins",
            "s3": "high_density_lipoproteins",
            "s4": "cholesterol_ratio",
            "s5": "log_serum_triglycerides",
            "s6": "blood_sugar",
        },
        {"scaled": False},
    ),
    "iris": _Bundled(
        "load_iris",
        "species",
        "Iris plants",
        "R. A. Fisher (1936), The use of multiple measurements in taxonomic problems.\n"
        "Length and width in cm of sepals and petals of 150 iris flowers of three species.",
    ),
    "digits": _Bundled(
        "load_digits",
        "digit",
        "Optical recognition of handwritten digits",
        "E. Alpaydin (1998), UCI Machine Learning Repository (test part).\n"
        "Pictures of 8 x 8 pixels with 17 levels of grey, one row per picture, and the digit that was written.",
        whole=True,
    ),
}


def builtin_names() -> tuple[str, ...]:
    """Names that can follow `builtin:`."""
    return tuple(sorted(_SETS))


def write_builtin(name: str, folder: Path) -> None:
    """Writes `<name>.csv` and `README.txt` into the folder, the same bytes every time. Raises `KeyError`."""
    import sklearn.datasets

    bundled = _SETS[name]
    loader: Callable[..., Any] = getattr(sklearn.datasets, bundled.loader)
    data = loader(as_frame=True, **bundled.options)
    frame = data.data.rename(columns=dict(bundled.names))
    if bundled.whole:
        frame = frame.astype("int64")
    target = data.target
    if bundled.loader != "load_digits" and "target_names" in data:
        target = target.map(dict(enumerate(map(str, data.target_names))))
    frame[bundled.target] = target
    stem = name.replace("-", "_")
    frame.to_csv(folder / f"{stem}.csv", index=False, lineterminator="\n")
    readme = (
        f"{bundled.title}\n\nSource: {bundled.source}\nThis copy is the one that comes with scikit-learn.\n\n"
        f"{stem}.csv: one row per sample, the column {bundled.target!r} is what was to be found out.\n\n"
        f"License: {LICENCE}\n"
    )
    (folder / "README.txt").write_bytes(readme.encode())

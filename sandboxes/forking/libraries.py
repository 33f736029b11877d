"""What a fork server loads before it is asked for anything."""

SCIENCE = (
    "numpy",
    "pandas",
    "scipy.stats",
    "scipy.optimize",
    "scipy.sparse",
    "sklearn.metrics",
    "sklearn.linear_model",
    "sklearn.ensemble",
    "sklearn.model_selection",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "sklearn.compose",
    "sklearn.impute",
    "sklearn.feature_extraction.text",
    "sklearn.neighbors",
    "pyarrow",
    "pyarrow.parquet",
    "pyarrow.feather",
    # what they load themselves at their first use
    "pandas.io.formats.csvs",
    "pyarrow.vendored.version",
    "sandboxes.functions.function_worker",
    "sandboxes.functions.warm_worker",
)
TABLES = (
    "numpy",
    "pandas",
    "pandas.io.formats.csvs",
    "sklearn.model_selection",
    "pyarrow",
    "sandboxes.functions.function_worker",
)
"""What a server for few calls loads: enough to read, split and write tables."""
KERNEL = ("sandboxes.kernels.kernel_worker",)
SPARE = ("pytest", "_pytest.assertion.rewrite")
"""Loaded when there is nothing else to do."""

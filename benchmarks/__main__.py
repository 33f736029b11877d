"""`python -m benchmarks [generation] [grading] [kernels] [steps]`: all of them where none is named."""

from __future__ import annotations

import sys

from benchmarks import generation, grading, kernels, steps

BENCHMARKS = {
    "generation": generation.main,
    "grading": grading.main,
    "kernels": kernels.main,
    "steps": steps.main,
}


def main() -> None:
    chosen = sys.argv[1:] or list(BENCHMARKS)
    unknown = set(chosen) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"no benchmark named {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
    for name in chosen:
        BENCHMARKS[name]()


if __name__ == "__main__":
    main()

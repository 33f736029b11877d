"""`python -m benchmarks [NAME...]`: measures what is named, or everything."""

from __future__ import annotations

import sys

from benchmarks import (
    ablation,
    chat,
    docker,
    fuzz,
    generation,
    grading,
    kernels,
    leaks,
    pipeline_overhead,
    scale,
    soak,
    steps,
    tiers,
)

BENCHMARKS = {
    "steps": steps.main,
    "kernels": kernels.main,
    "grading": grading.main,
    "docker": docker.main,
    "generation": generation.main,
    "chat": chat.main,
    "overhead": pipeline_overhead.main,
    "ablation": ablation.main,
    "leaks": leaks.main,
    "fuzz": fuzz.main,
    "tiers": tiers.main,
    "scale": scale.main,
    "soak": soak.main,
}


def main() -> None:
    chosen = sys.argv[1:] or list(BENCHMARKS)
    unknown = set(chosen) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"no benchmark named {', '.join(sorted(unknown))}; there are: {', '.join(sorted(BENCHMARKS))}")
    for name in chosen:
        BENCHMARKS[name]()


if __name__ == "__main__":
    main()

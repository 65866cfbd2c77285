"""``python -m tests.fuzz``: an hour over all targets, or one input of one again."""

from __future__ import annotations

import argparse
import itertools
import sys
import time

from tests.fuzz.harness import STALL, Report, found, made, run


def main() -> int:
    """Run, print what was found, and return whether anything was."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    targets = found()
    parser.add_argument("targets", nargs="*", choices=[[], *targets], metavar="TARGET", help=", ".join(targets))
    parser.add_argument("--minutes", type=float, default=60, help="over all targets together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--number", type=int, help="try this input alone")
    asked = parser.parse_args()
    chosen = [targets[name] for name in asked.targets] or list(targets.values())
    failed = 0
    for one in chosen:
        numbers = itertools.count() if asked.number is None else iter([asked.number])
        if asked.number is not None:
            print(made(one, seed=asked.seed, number=asked.number)[:2_000])
        until = time.monotonic() + asked.minutes * 60 / len(chosen)
        failed += _told(one.name, run(one, numbers, seed=asked.seed, until=until))
    return min(failed, 1)


def _told(name: str, report: Report) -> int:
    grown = f"{report.grown >> 20} MiB for good, {report.peak >> 20} MiB at most"
    print(f"{name}: {report.tried:,} inputs, slowest {report.slowest:.2f} s (bound {STALL} s), grown by {grown}")
    for failure in report.failures:
        print(failure)
    sys.stdout.flush()
    return len(report.failures)


if __name__ == "__main__":
    sys.exit(main())

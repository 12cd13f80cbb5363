"""`python -m benchmarks NAME…|all`: measures, prints tables, writes benchmarks/results."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys

from benchmarks import provenance, questions
from benchmarks.measuring import Options
from benchmarks.processes import Missing


def main() -> int:
    """Run the benchmarks that the command line names; return the exit code."""
    names = sorted(module.name for module in pkgutil.iter_modules(questions.__path__))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="+", choices=["all", *names], metavar="NAME",
                        help=f"all, {', '.join(names)}")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5, metavar="N",
                        help="turns of each contestant (%(default)s)")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=2.0, metavar="S",
                        help="of a turn that is a time (%(default)s)")  # fmt: skip
    parser.add_argument("--objects", type=int, default=100_000, metavar="N",
                        help="in the store, unless the question says (%(default)s)")  # fmt: skip
    parser.add_argument("--length", type=float, default=300.0, metavar="S",
                        help="seconds of the mixed run of pauses (%(default)s)")  # fmt: skip
    asked = parser.parse_args()
    options = Options(asked.rounds, asked.seconds, asked.objects, asked.length)
    for name in names if "all" in asked.names else asked.names:
        provenance.begin()
        try:
            importlib.import_module(f"benchmarks.questions.{name}").run(options)
        except Missing as error:
            print(f"{name} cannot be measured here: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

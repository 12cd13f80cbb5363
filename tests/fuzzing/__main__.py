"""Look for inputs that the protocol cannot take, guided by what code they reach.

    python -m tests.fuzzing [--seconds 600]

What was found is written to `var/fuzzing/` as `crash-…` or `timeout-…`; to see it again, give that
file as the argument.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["confwire", "proxyapp.engine", "historylog.entries"]):
    from confwire.messages import ClientMessage
    from tests.fuzzing.target import Target, seeds

ROOT = Path(__file__).parents[2] / "var/fuzzing"
_SLOWEST = 5
"""Seconds that one input may take."""


def main() -> None:
    """Fuzz for some time, or try one input."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=600, help="how long (600)")
    parser.add_argument("input", nargs="?", help="try this file alone")
    arguments = parser.parse_args()
    corpus = ROOT / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"example-{number}").write_bytes(seed)
    words = ROOT / "words"
    words.write_text("".join(f'"{word}"\n' for word in _words()))
    given = (
        [arguments.input]
        if arguments.input
        else [str(corpus), f"-max_total_time={arguments.seconds}", f"-dict={words}"]
    )
    limits = [f"-timeout={_SLOWEST}", "-max_len=4096", "-rss_limit_mb=1024", "-close_fd_mask=0",
              f"-artifact_prefix={ROOT}/", "-print_final_stats=1"]  # fmt: skip
    target = Target()
    atheris.Setup([sys.argv[0], *given, *limits], lambda data: _try(target, data))
    atheris.Fuzz()


def _try(target: Target, data: bytes) -> None:
    target.take(data)


def _words() -> set[str]:
    """Return names of messages and of their fields."""
    kinds = ClientMessage.__args__
    return {
        name
        for kind in kinds
        for name in (kind.__struct_config__.tag, *kind.__struct_encode_fields__)
        if name
    }


if __name__ == "__main__":
    main()

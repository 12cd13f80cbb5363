"""Writes the reference pages that are tables of the code: objects, filters, options and so on.

In the pages about speed it fills in what the benchmarks have found (`benchmarks/results`).

python docs/generate.py            write them
python docs/generate.py --check    fail when one of them is not as it would be written
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from generating import filters, metrics, objects, options, results, rights  # noqa: E402

FOLDER = ROOT / "docs/reference"
NOTE = "<!-- Written by docs/generate.py from {source}: change that, then run `make docs`. -->"
PAGES: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "objects.md": ("confwire/objects/table.py", objects.page),
    "filters.md": ("proxyapp/engine/data/filters.py", filters.page),
    "options.md": ("proxyapp/engine/options.py", options.page),
    "rights.md": ("proxyapp/engine/data/rights.py", rights.page),
    "metrics.md": ("proxyapp/engine/figures.py", metrics.page),
}


def text_of(name: str) -> str:
    """Return the text of a page as it should be."""
    source, page = PAGES[name]
    return "\n".join([NOTE.format(source=source), *page()]).rstrip("\n") + "\n"


def stale() -> dict[Path, str]:
    """Return the pages that are not as they should be, with the text that they should have."""
    wanted = {FOLDER / name: text_of(name) for name in PAGES}
    wanted |= {path: results.filled(path.read_text()) for path in results.FILLED}
    return {
        path: text
        for path, text in wanted.items()
        if not path.is_file() or path.read_text() != text
    }


def main(words: Sequence[str]) -> int:
    """Write the pages, or check them; return the exit status."""
    pages = stale()
    if list(words) == ["--check"]:
        for path in pages:
            print(f"{path.name} is not what the code or a result says: run make docs")
        return 1 if pages else 0
    if words:
        print(__doc__)
        return 2
    for path, text in pages.items():
        path.write_text(text)
        print(f"wrote {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

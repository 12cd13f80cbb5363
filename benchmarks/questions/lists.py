"""Pages of 200 objects out of lists of a million, from their beginning and from far inside.

The time is that of a client, from the request to the last byte of whole documents, and what the
proxy's processor does meanwhile.
"""

from __future__ import annotations

import statistics
from functools import partial
from typing import Any

from benchmarks import plots, results
from benchmarks.measuring import Generator, Options, Turn, alternate, median
from benchmarks.processes import LOAD_CORE
from benchmarks.questions.loading import DOCUMENT, OBJECTS
from benchmarks.site import PASSWORD, READER, Node, Site, names

ROWS = 200
_TIMES = 100
"""How often each page is read in a turn."""
_PLACES = 20
"""Pages of one kind, evenly over the list."""

Pages = list[dict[str, Any]]


def run(options: Options) -> None:
    """Measure, and write the results."""
    with Site(OBJECTS, DOCUMENT) as site:
        site.master(core=LOAD_CORE)
        proxy = site.proxy()
        with Generator("lists", port=proxy.port, user=READER, password=PASSWORD) as load:
            turns = alternate(
                options.rounds,
                {name: partial(_read, proxy, load, pages) for name, pages in _lists(site).items()},
            )
    rows = []
    for name, found in turns.items():
        waits, worst, costs = ([Turn(ms) for ms in column] for column in zip(*found, strict=True))
        rows.append(results.alone(f"{name}, at the client", "ms", waits))
        rows.append(results.alone(f"{name}, at the client, p99", "ms", worst))
        rows.append(results.alone(f"{name}, processor of the proxy", "ms", costs))
    results.write("lists", rows)
    plots.bars(
        "lists",
        f"A page of {ROWS} objects out of {OBJECTS:,}, at the client",
        "ms",
        {"": {name: median([Turn(wait) for wait, _, _ in found]) for name, found in turns.items()}},
    )


def _lists(site: Site) -> dict[str, Pages]:
    """Return the pages of each list, the first one and others far inside."""
    every = names(site.count)
    folder = {"tenant_dbid": 1, "folder_dbid": site.folders[0]}
    by_folder: Pages = []
    by_name: Pages = []
    by_prefix: Pages = []
    by_option: Pages = []
    named_in_folder: Pages = []
    for place in range(_PLACES):
        start = (site.count - ROWS * len(site.folders) - 1) * place // (_PLACES - 1)
        after = {"after": site.first + start}
        behind = {"order": "name", "afterName": every[start], **after}
        begin = every[start][:-3] + "*"  # of a thousand names
        by_folder.append({"filter": folder, **after})
        by_name.append(behind)
        by_prefix.append({"order": "name", "filter": {"name": begin}})
        by_option.append({"filter": {"annex": "load/pad"}, **after})
        named_in_folder.append({"filter": folder, **behind})
    common = {"objectType": "skill", "limit": ROWS}
    lists = {
        "by type, tenant and folder": by_folder,
        "by name": by_name,
        "by the beginning of the name": by_prefix,
        "by (section, option)": by_option,
        "by type, tenant and folder, in the order of names": named_in_folder,
    }
    return {name: [{**common, **page} for page in pages] for name, pages in lists.items()}


def _read(proxy: Node, load: Generator, pages: Pages) -> tuple[float, float, float]:
    """Return the median and p99 of the time of a page, and its processor time, in ms."""
    used = proxy.cpu()
    waits = sorted(load.ask("pages", requests=pages, rows=ROWS, times=_TIMES)["waits"])
    cost = (proxy.cpu() - used) / (len(waits) + len(pages))
    return statistics.median(waits) * 1e3, waits[len(waits) * 99 // 100] * 1e3, cost * 1e3

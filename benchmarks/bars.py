"""What the figures are to keep: all bars in one table, and the questions that they answer.

Knows the names of rows, and nothing of how they are measured.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

QUESTIONS = {
    1: "point reads, 1 in flight",
    2: "point reads, 16 in flight",
    3: "one change at a time to 1,000 subscribers",
    4: "bursts of 50 changes to them",
    5: "one change to 10,000 subscribers",
    6: "a change that 10 of 10,000 sessions asked for",
    7: "memory of an idle session",
    8: "memory of 1,000,000 objects",
    9: "a full load of those",
    10: "resuming after 1,000 missed changes",
    11: "logins a second, and reads meanwhile",
    12: "commit to the last of 100 subscribers, 100 commits/s",
    13: "commits a second through the one door",
    14: "a bulk read, and reads meanwhile",
    15: "growth",
    16: "a page of a list",
    17: "reads while the administration is read",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """What one row, or rows that are named alike, are to keep."""

    benchmark: str
    figure: str
    """A pattern of the shell, of the names of rows."""
    limit: str
    """"≥" or "≤", a number, and "×" for the ratio or else the unit of our value."""
    question: int | None = None
    peer: str = "*"
    """A pattern, of the names of peers."""

    def holds(self, benchmark: str, figure: str, peer: str | None) -> bool:
        """Whether it is the bar of a row."""
        return (
            benchmark == self.benchmark
            and fnmatchcase(figure, self.figure)
            and fnmatchcase(peer or "", self.peer)
        )

    def kept(self, ours: float, ratio: float | None, at_least: Collection[str] = ()) -> bool | None:
        """Whether a row keeps it; None where its figures are bounds that do not prove it.

        Args:
            ours: our value.
            ratio: of it to the peer's.
            at_least: those of "ours" and "peer_value" that may be more in truth.
        """
        sign, number = self.limit.removesuffix("×").split()[:2]
        limit, of_ratio = float(number.replace(",", "")), self.limit.endswith("×")
        value = ratio if of_ratio else ours
        assert value is not None, self
        keeps = value >= limit if sign == "≥" else value <= limit
        # More of ours raises the value, more of the peer's lowers the ratio.
        may_fall, may_rise = of_ratio and "peer_value" in at_least, "ours" in at_least
        doubtful = may_fall if keeps == (sign == "≥") else may_rise
        return None if doubtful else keeps


BARS = (
    Bar("reads", "point reads by DBID, 1 in flight", "≥ 3×", 1, "etcd *"),
    Bar("reads", "point reads by DBID, 1 in flight", "≥ 3×", 1, "ZooKeeper *"),
    Bar("reads", "point reads by DBID, 1 in flight", "≥ 0.7×", 1, "Redis GET"),
    Bar("reads", "point reads by DBID, 16 in flight", "≥ 5×", 2, "etcd *"),
    Bar("reads", "point reads by DBID, 16 in flight", "≥ 4×", 2, "ZooKeeper *"),
    Bar("reads", "point reads by DBID, 16 in flight", "≥ 0.22×", 2, "Redis GET"),
    Bar("fanout", "one change at a time *, deliveries from the commit on", "≥ 2.5×", 3),
    Bar("fanout", "one change at a time *, from the commit to the last", "≤ 0.45×", 3),
    # A put at a time is how etcd is written to; its other ways are beside it, without a bar.
    Bar("bursts", "*, deliveries from the commit on", "≥ 15×", 4, "watchers of etcd, one by one"),
    Bar("fanout", "one change to *, time to the last from the commit", "≤ 200 ms", 5),
    Bar("fanout", "one change to *, longest wait of a reader meanwhile", "≤ 50 ms", 5),
    Bar("fanout", "a change for *", "≤ 1.4×", 6),
    Bar("memory", "memory of an idle, subscribed session, in clear", "≤ 14 KB", 7),
    Bar("memory", "memory of an idle, subscribed session, by TLS", "≤ 40 KB"),
    Bar("memory", "memory of a proxy while it reloads *", "≤ 2.3×", 8),
    Bar("memory", "memory of a proxy with *", "≤ 1.9×", 8),
    Bar("memory", "longest stall of a proxy *", "≤ 50 ms"),
    Bar("loading", "* over the link, from start to ready", "≤ 15 s", 9),
    Bar("loading", "* over the link, longest stall of *", "≤ 50 ms", 9),
    Bar("resume", "*, a client, from its registration on, * objects", "≤ 50 ms", 10),
    Bar("resume", "*, a client, from its registration on, growth", "≤ 1.15×", 10),
    Bar("resume", "*, a proxy, * objects", "≤ 50 ms", 10),
    Bar("resume", "*, a proxy, *, growth", "≤ 1.15×", 10),
    Bar("logins", "logins", "≥ 1,500 logins/s", 11),
    Bar("logins", "p99 of another's point reads, *", "≤ 3×", 11),
    Bar("commits", "commit to the last of *, p99", "≤ 50 ms", 12),
    Bar("commits", "commit to the last of *, rate that was reached", "≥ 95 commits/s", 12),
    Bar("commits", "commits through the one door, *", "≥ 400 commits/s", 13),
    Bar("bulk", "bulk read of * objects by one client", "≥ 300 MB/s", 14),
    Bar("bulk", "point reads of *, p99 meanwhile", "≤ 4 ms", 14),
    Bar("growth", "point reads, 1 in flight, at * objects", "≤ 1.15×", 15, "at 1,000,000"),
    Bar("growth", "point reads, 16 in flight, at * objects", "≤ 1.6×", 15, "at 1,000,000"),
    Bar("growth", "point reads of * sessions", "≤ 1.7×", 15, "at 10,000"),
    Bar("lists", "*, at the client", "≤ 1 ms", 16),
    Bar("lists", "*, processor of the proxy", "≤ 1 ms", 16),
    Bar("web", "point reads, * in flight, while the administration is read", "≥ 0.95×", 17),
    Bar("web", "point reads, * a second, p99", "≤ 1.5×", 17),
    Bar("disconnect", "*, longest wait of a reader", "≤ 200 ms"),
    Bar("disconnect", "*, longest stall of the loop", "≤ 200 ms"),
    Bar("pauses", "longest stall of the loop of *", "≤ 50 ms"),
    Bar("pauses", "longest wait of a reader of *", "≤ 50 ms"),
    Bar("storm", "* clients cut at once, until the last is back", "≤ 5 s"),
    Bar("storm", "* clients come back, until the last is", "≤ 5 s"),
    Bar("storm", "* clients come back, longest stall of the loop", "≤ 50 ms"),
    Bar("failover", "*, until the last is restored", "≤ 3 s"),
    Bar("member", "*, until the last is restored", "≤ 3 s"),
    Bar("promotion", "*, until the last is restored", "≤ 3 s"),
    Bar("slow", "*, p99 of the others' reads", "≤ 2×"),
    Bar("reload", "point reads, p99, while *", "≤ 3×"),
    Bar("reload", "loads of the proxy because of it", "≤ 0"),
    Bar("entries", "entries kept on a proxy, failsafe-store-processing false",
        "≥ 10,000 entries/s"),
    Bar("entries", "point reads*, history log: idle", "≥ 0.95×"),
    Bar("entries", "point reads*, history log: 1,000 entries/s", "≥ 0.95×"),
    Bar("entries", "entries that wait after a while at 10,000/s", "≤ 4,000 entries"),
    Bar("entries", "entries that were lost", "≤ 0 entries"),
    Bar("history", "*, slowest of *", "≤ 300 ms"),
    Bar("history", "pruning of changes", "≥ 1,000 changes/s"),
    Bar("history", "pruning of entries", "≥ 1,000 entries/s"),
    Bar("history", "a commit beside the pruning of *, slowest", "≤ 300 ms"),
)  # fmt: skip


def bar_of(benchmark: str, figure: str, peer: str | None) -> Bar | None:
    """Return the bar of a row, if it has one."""
    return next((bar for bar in BARS if bar.holds(benchmark, figure, peer)), None)


def verdict(benchmark: str, row: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the JSON of a row says of its bar: "question", "limit" and "kept".

    "kept" is None where it cannot be told.
    """
    bar = bar_of(benchmark, row["figure"], row["peer"])
    if bar is None:
        return None
    kept = bar.kept(row["ours"], row["ratio"], row.get("at_least", ()))
    return {"question": bar.question, "limit": bar.limit, "kept": kept}

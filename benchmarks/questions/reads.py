"""Point reads: 32 clients, answers of about 325 bytes, one and 16 requests in flight.

Ours are by DBID and by name, of random objects. etcd and ZooKeeper are asked for one key,
which is their best case; Redis for random ones, by its own benchmark, which with one in flight has
no time left before Redis has none, and by a load generator like that of ours, which needs less. A
server on our event loop that does nothing shows what the machine leaves to any.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import plots, results
from benchmarks.generators import grpc
from benchmarks.measuring import Contestants, Generator, Options, Turn, alternate, median, run_tool
from benchmarks.peers import Bare, Etcd, Peers, Redis, ZooKeeper
from benchmarks.processes import require
from benchmarks.site import PASSWORD, READER, Site, names

CLIENTS = 32
SIZE = 325
"""Bytes of a whole answer."""
_KEY = b"/person/42"
_ETCD_VALUE = 280  # its answers have a header, key and revisions beside the value
_REDIS_VALUE = SIZE - 7  # "$318", twice a line's end, and that of the value
_REDIS_GUESS = {1: 70_000, 16: 600_000}  # reads a second: its benchmark takes a number, no time
DBID, NAME = "by DBID", "by name"
GRPC, ZOOKEEPER, REDIS = "etcd grpc-proxy, serializable Range", "ZooKeeper getData", "Redis GET"
REDIS_BY_OURS = "Redis GET, by our load generator"
BARE = "uvloop server that does nothing"


def run(options: Options) -> None:
    """Measure, and write the results."""
    rows: list[results.Row] = []
    bars: dict[str, dict[str, float]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        Site(options.objects) as site,
        Peers(Path(folder)) as peers,
    ):
        site.master()
        proxy = site.proxy()
        with Generator(
            "reads", port=proxy.port, user=READER, password=PASSWORD, sessions=CLIENTS,
            first=site.first, names=names(site.count),
        ) as load:  # fmt: skip
            others = _peers(peers, options)
            for depth in (1, 16):
                contestants: Contestants = {
                    DBID: partial(_read, load, "dbid", depth, options.seconds),
                    NAME: partial(_read, load, "name", depth, options.seconds),
                }
                contestants |= {name: partial(read, depth) for name, read in others.items()}
                turns = alternate(options.rounds, contestants)
                rows += _rows(depth, turns)
                bars[f"{depth} in flight"] = {n: median(found) for n, found in turns.items()}
    results.write("reads", rows)
    plots.bars("reads", "Point reads of 32 clients, one core", "reads/s", bars)


def _read(load: Generator, key: str, depth: int, seconds: float) -> Turn:
    answer = load.ask("run", key=key, depth=depth, seconds=seconds)
    return Turn(answer["rate"], answer["share"])


def _rows(depth: int, turns: dict[str, list[Turn]]) -> list[results.Row]:
    rows = []
    for ours in (DBID, NAME):
        for peer, theirs in turns.items():
            if peer in (DBID, NAME):
                continue
            figure = f"point reads {ours}, {depth} in flight"
            rows.append(results.beside(figure, "reads/s", turns[ours], peer, theirs))
            if ours == DBID:
                rows.append(results.load_row(figure, turns[ours], peer, theirs))
    if len(turns) == 2:
        rows = [
            results.alone(f"point reads {ours}, {depth} in flight", "reads/s", turns[ours])
            for ours in (DBID, NAME)
        ]
    return rows


# ---------------------------------------------------------------- peers


def _peers(peers: Peers, options: Options) -> dict[str, Callable[[int], Turn]]:
    """Start those that are installed; return how each is read with so many in flight."""
    readers: dict[str, Callable[[int], Turn]] = {}
    if etcd := peers.start(Etcd):
        etcd.put(_KEY, b"x" * _ETCD_VALUE)
        readers[GRPC] = partial(_read_etcd, etcd, options.seconds)
    if zookeeper := peers.start(ZooKeeper):
        load = peers.keep(
            Generator("zookeeper", port=zookeeper.port, connections=CLIENTS, size=SIZE)
        )
        readers[ZOOKEEPER] = partial(_read_closed, load, options.seconds)
    if redis := peers.start(Redis):
        load = peers.keep(
            Generator("redis", port=redis.port, connections=CLIENTS, keys=options.objects,
                      size=_REDIS_VALUE)
        )  # fmt: skip
        readers[REDIS] = partial(_read_redis, redis, options)
        readers[REDIS_BY_OURS] = partial(_read_closed, load, options.seconds)
    if bare := peers.start(Bare):
        load = peers.keep(
            Generator("bare", port=bare.port, connections=CLIENTS, request=Bare.REQUEST)
        )
        readers[BARE] = partial(_read_closed, load, options.seconds)
    return readers


def _read_etcd(etcd: Etcd, seconds: float, depth: int) -> Turn:
    with tempfile.NamedTemporaryFile() as body:
        message = grpc.serializable_range(_KEY)
        body.write(b"\0" + len(message).to_bytes(4, "big") + message)
        body.flush()
        output, load = run_tool([
            require("h2load", "nghttp2-client"),
            "-D", f"{seconds * 1000:.0f}ms", "--warm-up-time", "500ms",
            "-c", str(CLIENTS), "-m", str(depth), "-d", body.name,
            "-H", "content-type: application/grpc", "-H", "te: trailers",
            f"http://127.0.0.1:{etcd.proxy_port}{grpc.RANGE}",
        ])  # fmt: skip
    return Turn(_number(r"([\d.]+) req/s", output), load)


def _read_closed(load: Generator, seconds: float, depth: int) -> Turn:
    answer = load.ask("run", depth=depth, seconds=seconds)
    return Turn(answer["rate"], answer["share"])


def _read_redis(redis: Redis, options: Options, depth: int) -> Turn:
    output, load = run_tool([
        require("redis-benchmark", "redis-tools"), "-p", str(redis.port), "-t", "get",
        "-r", str(options.objects), "-c", str(CLIENTS), "-P", str(depth),
        "-n", str(int(_REDIS_GUESS[depth] * options.seconds)), "--csv",
    ])  # fmt: skip
    return Turn(_number(r'"GET","([\d.]+)"', output), load)


def _number(pattern: str, output: str) -> float:
    found = re.search(pattern, output)
    if found is None:
        raise RuntimeError(f"the load generator told no rate:\n{output[-2000:]}")
    return float(found[1])

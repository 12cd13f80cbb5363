"""One simulation: servers, clients, a plan of troubles, and what must hold in the end.

Everything follows from the seed. `Simulation(seed).run()` returns, or raises a Violation.
"""

from __future__ import annotations

from hashlib import blake2b
from random import Random

from confwire.messages import Record
from proxyapp.engine.events import DrainAsked
from proxyapp.engine.serving import NodeSettings
from tests.proxyapp.engine.bench import Log
from tests.proxyapp.engine.bench import settings as node_settings
from tests.proxyapp.engine.world import PERSONS
from tests.simulation.balancer import Balancer
from tests.simulation.client import Client
from tests.simulation.clock import Clock
from tests.simulation.daemon import Daemon, Twins
from tests.simulation.database import Database
from tests.simulation.estate import DAEMON, DAEMON_ACCOUNT, NOTES, POOL, PORT, SERVERS, Estate
from tests.simulation.ledger import Ledger
from tests.simulation.library import Consumer, LibraryClient
from tests.simulation.network import Network
from tests.simulation.plans import Event, make
from tests.simulation.scale import small_turns
from tests.simulation.server import Server
from tests.simulation.story import Story, Violation
from tests.simulation.truth import Truth
from tests.simulation.writer import Writer

BORN = 1_800_000_000.0
HEALED = 45.0
"""Seconds within which all must be well once nothing goes wrong any more."""
TOLD = 4.0
"""Seconds within which all must have a transaction when all is well."""


class Simulation:
    """A world, from its beginning to its end."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random = Random(seed)
        self.clock = Clock()
        self.story = Story(self.clock)
        self.network = Network(self.clock, random)
        self.truth = Truth()
        self.plan = make(random)
        self.capacity = random.choice((25, 60, 50_000))
        self._backed = random.random() < 0.3
        self._proxies = random.choice((1, 2, 2))
        self._paired = self._proxies == 2 and random.random() < 0.5
        self._more = more = Random(f"{seed} more")
        self._is_pool = self._proxies == 2 and not self._paired and more.random() < 0.6
        self._keeps_notes = more.random() < 0.5
        options: dict[str, int | str] = {
            "packet-size": random.choice((150, 600, 1_024_000)),
            "client-response-timeout": random.choice((3, 600)),
        }
        if random.random() < 0.1:
            options["fresh-data-only"] = "true"
        if self._keeps_notes:
            options["proxy-writable"] = more.choice(("true", "true", "false"))
        kinds = {"paired": self._paired, "backed": self._backed, "pooled": self._is_pool}
        twins = Random(f"{seed} twins").random() < 0.3
        self._limits = limits = Random(f"{seed} limits")
        self._is_limited = limits.random() < 0.4
        notes = 4 * self._keeps_notes
        chance = limits if self._is_limited else None
        self.estate = Estate(random, options, **kinds, notes=notes, daemon=twins, limits=chance)
        self.database = Database(self.estate.records, self.truth, lambda: self.clock.now, BORN)
        self._backup = self.database.backup()
        self._taken = Log("of all servers")
        """The entries of proxies that the database has."""
        self._directory: dict[str, Server] = {}
        self.servers = self._make_servers()
        self.masters = [server for server in self.servers if server.is_master]
        self._balancer = self._make_balancer() if self._is_pool else None
        self._images = {server.application: server.machine.image() for server in self.servers}
        self.clients = [self._make_client(number) for number in range(random.choice((3, 4)))]
        self.twins = self._make_twins() if twins else None

    def __repr__(self) -> str:
        return f"<Simulation {self.seed} at {self.clock.now:.2f}>"

    def _make_servers(self) -> list[Server]:
        random = self.random
        more = {
            "journal_capacity": self.capacity,
            "large_transaction": random.choice((8, 30, 2_000)),
        }
        limit = random.choice((2_000, 10_000))
        keeps = random.random() < 0.7
        for name in ("confserv", "confserv2")[: 1 + self._backed]:
            lead = {"elects": self._backed, "token_secret": b"the secret of the masters"}
            self._make_server(node_settings(name, **lead, **more), limit, self.database)
        for name in ("proxy1", "proxy2")[: self._proxies]:
            link = {"master_host": "confserv", "master_port": PORT, "local_copy": keeps}
            if self._backed:
                link |= {"backup_host": "confserv2", "backup_port": PORT}
            self._make_server(node_settings(name, **link, **more), limit, None)
        return list(self._directory.values())

    def _make_server(self, settings: NodeSettings, limit: int, database: Database | None) -> None:
        name = settings.application
        server = self._directory[name] = Server(
            name, self.clock, self.network, Random(self.random.random()), settings, BORN, limit,
            self.story, self._directory, database, self._taken if database else None,
        )  # fmt: skip
        server.site = 0 if database is not None else SERVERS[name]
        self.clock.after(self.random.random() * 0.2, server.start)

    def _make_balancer(self) -> Balancer:
        members = [server for server in self.servers if not server.is_master]
        for member in members:
            member.known_as = POOL
        for _ in range(self._more.choice((0, 2, 5))):
            self.clock.at(1 + self._more.random() * self.plan.length, self._rebalance)
        return Balancer(self.network, members, self._more)

    def _rebalance(self) -> None:
        assert self._balancer is not None
        self.story.tell("plan", "the balancer moves clients", {})
        self._balancer.move(0.7)

    def _make_client(self, number: int) -> Client:
        random = self.random
        user = random.choice(list(PERSONS))
        specs = self.estate.some_specs()
        ledger = self._make_ledger(f"client{number}", PERSONS[user])
        ends_tokens = {"bar", "jump_clock", "restore"}
        ledger.tokens_hold = ends_tokens.isdisjoint(event.name for event in self.plan.events)
        servers = list(self.servers)
        if random.random() < 0.3:
            servers = list(random.choice(self._groups()))
        random.shuffle(servers)
        doors = servers if self._balancer is None else self._doors(servers, self._balancer)
        given = user, specs, doors, ledger, self.clock, self.network, Random(random.random())
        if self._more.random() < 0.2:
            consumer = Consumer(ledger.name, ledger.person, self.truth, specs[0])
            return LibraryClient(*given[:3], consumer, *given[4:])
        if not self._keeps_notes:
            return Client(*given)
        return Writer(*given, dbid=NOTES[number], truth=self.truth, database=self.database)

    def _make_ledger(self, name: str, person: int) -> Ledger:
        ledger = Ledger(name, person, self.truth, self.capacity)
        ledger.is_limited = self._is_limited
        return ledger

    def _make_twins(self) -> Twins:
        """Let a daemon be started twice, each with an order of servers of its own."""
        daemons = []
        for name in ("twin0", "twin1"):
            servers = self.random.sample(self.servers, len(self.servers))
            doors = servers if self._balancer is None else self._doors(servers, self._balancer)
            ledger = self._make_ledger(name, PERSONS[DAEMON_ACCOUNT])
            ledger.application = DAEMON
            seeded = Random(self.random.random())
            daemons.append(
                Daemon("", self.estate.some_specs(), doors, ledger, self.clock, self.network,
                       seeded)
            )  # fmt: skip
        return Twins(daemons, self.servers)

    @property
    def _all_clients(self) -> list[Client]:
        return [*self.clients, *(self.twins.daemons if self.twins is not None else ())]

    def _doors(self, servers: list[Server], balancer: Balancer) -> list[Server | Balancer]:
        """Return where a client connects, with the balancer in place of its members."""
        masters = [server for server in servers if server.is_master]
        if len(masters) == len(servers):
            return [*masters]
        return [balancer] if self._more.random() < 0.6 else [balancer, *masters]

    def digest(self) -> str:
        """Return what tells two courses of things apart."""
        told = [f"{self.clock.steps} {self.clock.now!r} {self.story}"]
        told += ["\n".join(client.ledger.past) for client in self._all_clients]
        return blake2b("\n".join(told).encode(), digest_size=16).hexdigest()

    # ------------------------------------------------------------ the course of things

    def run(self) -> None:
        """Let everything happen, and see that all is well in the end.

        Raises:
            Violation: a guarantee was broken.
        """
        with small_turns(self.random, self._limits):
            for event in self.plan.events:
                self.clock.at(event.at, self._happen, event)
            self.clock.run(self.plan.length + 1.0)
            self._heal()
            self._settle()
            if self.twins is not None:
                self.twins.settled()
            for _ in range(2):
                self._tell_once()
            for client in self.clients:
                if isinstance(client, Writer):
                    client.check()

    def _happen(self, event: Event) -> None:
        self.story.tell("plan", event.name, {"choice": event.choice, "length": event.length})
        getattr(self, f"_{event.name}")(event)

    def _heal(self) -> None:
        """End all troubles."""
        self.story.tell("plan", "all is mended", {})
        self.network.mend_all()
        self._database_back()
        for server in self.servers:
            server.machine.disk.is_full = False
            server.go_on()
            server.start()
        self._commit_records(self.estate.pardon())
        for client in self._all_clients:
            client.be_calm()

    def _settle(self) -> None:
        deadline = self.clock.now + HEALED
        while missing := self._missing():
            if self.clock.now >= deadline:
                raise Violation("NoSilentHang", f"not well {HEALED:g} s after all: {missing}")
            self.clock.run(self.clock.now + 1.0)

    def _tell_once(self) -> None:
        """When all is well a transaction is everywhere soon."""
        self._commit_records(self.estate.changes())
        self.clock.run(self.clock.now + TOLD)
        if missing := self._missing():
            raise Violation("Reliable", f"{TOLD:g} s after a transaction: {missing}")

    def _missing(self) -> str:
        """Return what is not as it should be, empty if nothing is."""
        # A server may wait longer for a reader that takes nothing (client-response-timeout).
        silent = [line for line in self.network.lines if line.is_silent and line.ends[0]]
        found = [f"{line!r} is not given up" for line in silent]
        wanted = self.database.position
        for server in self.servers:
            serving = server.node.serving
            if not server.is_running or not serving.ready:
                found.append(f"{server!r} does not run")
            elif (serving.epoch, serving.revision, serving.store.tree) != wanted[:3]:
                found.append(f"{server!r} is at {serving.epoch}:{serving.revision}")
            elif not server.is_master and not serving.authority.live:  # type: ignore[attr-defined]
                found.append(f"{server!r} has no live link")
            elif not server.is_master and not self._has_history_of(server):
                found.append(f"the masters have other history entries than {server!r}")
        for group in self._groups():
            serve = [server for server in group if server.serves]
            if len(serve) != 1:
                found.append(f"{serve} serve, of {group}")
        if not any(master.leads for master in self.masters):
            found.append("no master leads")
        for client in self.clients:
            if not client.ledger.is_complete():
                place = client.ledger.place
                found.append(f"{client!r} is at {place} {client.refusal}")
            if isinstance(client, Writer) and client.is_writing:
                found.append(f"{client!r} has no answer to a write")
        if self.twins is not None and (wrong := self.twins.missing()):
            found.append(wrong)
        return "; ".join(found)

    def _has_history_of(self, server: Server) -> bool:
        """Whether each entry of a proxy's history log has arrived once.

        Where the log is an old copy, there is more of its former stores.
        """
        *_, kept = server.machine.history.image()
        taken = self._taken.taken
        return all(taken.get(name, [])[: len(kept[name])] == kept[name] for name in kept)

    def _groups(self) -> list[list[Server]]:
        """Return the servers of which one is to serve."""
        proxies = [server for server in self.servers if not server.is_master]
        return [self.masters, *([proxies] if self._paired else [[proxy] for proxy in proxies])]

    # ------------------------------------------------------------ the database

    def _commit_records(self, records: list[Record]) -> None:
        if records:
            self.database.commit(records)

    def _commit(self, event: Event) -> None:
        if not self.database.is_away:
            self._commit_records(self.estate.changes())

    def _bulk(self, event: Event) -> None:
        if not self.database.is_away:
            self._commit_records(self.estate.bulk())

    def _bar(self, event: Event) -> None:
        if not self.database.is_away:
            self._commit_records(self.estate.bar())

    def _prune(self, event: Event) -> None:
        self.database.prune()

    def _back_up(self, event: Event) -> None:
        self._backup = self.database.backup()

    def _restore(self, event: Event) -> None:
        """An operator restores a backup: with the master stopped, as the page says."""
        if event.choice < 0.7:
            for master in self.masters:
                master.kill()
                self.clock.after(0.5, master.start)
            self.database.restore(self._backup)

    def _new_epoch(self, event: Event) -> None:
        if event.choice < 0.7 and not self.database.is_away:
            self.database.new_epoch()

    def _database_away(self, event: Event) -> None:
        self.database.go_away()
        self.clock.after(event.length, self._database_back)

    def _database_back(self) -> None:
        self.database.is_away = False

    # ------------------------------------------------------------ processes

    def _chosen(self, event: Event) -> Server:
        return self.servers[int(event.choice * len(self.servers))]

    def _kill(self, event: Event) -> None:
        server = self._chosen(event)
        server.kill()
        self.clock.after(event.length, server.start)

    _kill_briefly = _kill

    def _lose_power(self, event: Event) -> None:
        server = self._chosen(event)
        server.lose_power()
        self.clock.after(event.length, server.start)

    def _pause(self, event: Event) -> None:
        server = self._chosen(event)
        server.pause()
        self.clock.after(event.length, server.go_on)

    _pause_briefly = _pause

    def _drain(self, event: Event) -> None:
        """Ask a server to end in an orderly way."""
        server = self._chosen(event)
        if server.is_able:
            server.tell(DrainAsked("the process was told to end"))

    def _jump_clock(self, event: Event) -> None:
        self._chosen(event).machine.offset += (event.choice - 0.5) * 10_000

    def _damage_disk(self, event: Event) -> None:
        server = self._chosen(event)
        server.kill()
        disk, history = self._images[server.application]
        if server.machine.disk.damage(self.random, disk) == "older":
            server.machine.history.restore(history)
        self.clock.after(event.length, server.start)

    def _image_disk(self, event: Event) -> None:
        server = self._chosen(event)
        self._images[server.application] = server.machine.image()

    # ------------------------------------------------------------ lines

    def _break_line(self, event: Event) -> None:
        lines = [line for line in self.network.lines if line.is_up]
        if lines:
            lines[int(event.choice * len(lines))].reset()

    def _break_link(self, event: Event) -> None:
        names = {server.application for server in self.servers}
        for line in [line for line in self.network.lines if line.hosts[0] in names]:
            line.reset()

    def _silence_line(self, event: Event) -> None:
        lines = [line for line in self.network.lines if line.is_up]
        if lines:
            lines[int(event.choice * len(lines))].fall_silent()

    def _cut(self, event: Event, both: bool = True) -> None:
        hosts = [item.host for item in (*self.servers, *self._all_clients)]
        servers = [server.host for server in self.servers]
        one = hosts[int(event.choice * len(hosts))]
        other = servers[int(event.choice * 1_000) % len(servers)]
        pairs = [(one, other), (other, one)] if both else [(one, other)]
        for pair in pairs:
            self.network.cut(*pair)
            self.clock.after(event.length, self._mend, pair)

    _cut_briefly = _cut

    def _cut_one_way(self, event: Event) -> None:
        self._cut(event, both=False)

    def _mend(self, pair: tuple[str, str]) -> None:
        if pair in self.network.cuts:
            self.network.mend(*pair)

    # ------------------------------------------------------------ clients

    def _slow_reader(self, event: Event) -> None:
        client = self.clients[int(event.choice * len(self.clients))]
        client.is_slow = True
        self.clock.after(event.length, client.read_again)

"""Who guesses passwords: in bursts, from everywhere, and to keep others out."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from random import Random

import pytest

from confwire.handshake import ClientHandshake
from confwire.messages import Open, Proof
from proxyapp.engine import commands, events
from proxyapp.engine.logins import accounts
from proxyapp.engine.trust import throttle
from tests.proxyapp.engine.bench import PASSWORD, SALTED, Bench, Client, environment, master
from tests.proxyapp.engine.logins.test_accounts import LOCK, rules
from tests.proxyapp.engine.logins.test_checking import DIRECTORY, bench_with, confserv, refusal
from tests.proxyapp.engine.logins.test_opening import WRONG

THRESHOLD = LOCK["account-lockout-threshold"]


@pytest.fixture
def bench() -> Bench:
    """A server with a threshold of failures, and two failures a minute for each address."""
    return bench_with(rules(), confserv(security={"failed-logins-per-address": 2}), **DIRECTORY)


def come_from(bench: Bench, address: str) -> Client:
    """Connect from an address."""
    number = len(bench.clients) + 1
    client = bench.clients[number] = Client(bench, number)
    bench.handle(events.Connected(number, f"{address}:{number}", "default", True, f"n{number:030}"))
    return client


class Guess:
    """One attempt, in two steps."""

    def __init__(self, bench: Bench, address: str, user: str = "bob") -> None:
        self.client = come_from(bench, address)
        self._handshake = ClientHandshake(user, f"client-nonce-{self.client.connection:06}")
        opening = Open(application="default", user=user, data=self._handshake.first())
        self.client.send(opening)

    def prove(self, salted: bytes = WRONG) -> str:
        """Answer the challenge; return what comes of it."""
        if self.client.inbox[-1]["message"] == "challenge":
            data = self.client.inbox[-1]["data"]
            self.client.send(Proof(self._handshake.final(data, salted)))
        last = self.client.inbox[-1]
        return str(last["code"] if last["message"] == "error" else last["message"])


def everywhere(count: int) -> Iterable[str]:
    return (f"203.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(count))


def test_a_burst_from_a_thousand_addresses_gets_no_more_than_the_threshold(bench):
    guesses = [Guess(bench, address) for address in everywhere(1_000)]
    found = Counter(guess.prove() for guess in guesses)
    assert found == {"authenticationFailed": THRESHOLD, "accountLocked": 1_000 - THRESHOLD}
    assert Guess(bench, "192.0.2.1").prove(SALTED) == "accountLocked", "the right one neither"


def test_a_burst_of_passwords_in_any_order_gets_no_more_than_the_threshold(bench):
    random, told = Random(7), Counter()
    clients, waiting = [], []
    for address in everywhere(300):
        client = come_from(bench, address)
        clients.append(client)
        del bench.commands[:]
        client.send(Open(application="default", user="bob", mechanism="PLAIN", data=PASSWORD[::-1]))
        waiting += bench.of(commands.Authenticate)
        if waiting and random.random() < 0.1:
            check = waiting.pop(random.randrange(len(waiting)))
            bench.handle(events.Authenticated(check.ticket, "rejected"))
    for check in waiting:
        bench.handle(events.Authenticated(check.ticket, "rejected"))
    told = Counter(refusal(client) for client in clients)
    assert told["authenticationFailed"] == THRESHOLD
    assert told.keys() == {"authenticationFailed", "tooManyAttempts", "accountLocked"}


def test_one_address_may_try_the_same_however_many_names_it_tries(bench):
    codes = Counter(Guess(bench, "203.0.113.9", f"user{n}").prove() for n in range(100))
    assert codes == {"authenticationFailed": 2, "tooManyAttempts": 98}
    assert Guess(bench, "203.0.113.10", "eve").prove(SALTED) == "opened", "from another address"


def test_who_is_locked_locks_nobody_else(bench):
    for address in everywhere(50):
        Guess(bench, address).prove()
    for address in ("203.0.0.1", "203.0.0.49", "192.0.2.1"):  # two of them have failed once
        assert Guess(bench, address, "eve").prove(SALTED) == "opened"


def test_a_lock_ends_no_session_and_lets_tokens_through():
    records = {(item.type, item.dbid): item for item in [*environment(), rules()]}
    bench = master(list(records.values()), token_secret=b"the masters' secret")
    client = bench.connect()
    client.open("bob", token="")
    token = client.inbox[-1]["token"]
    for address in everywhere(50):
        Guess(bench, address).prove()
    assert client.read("skill") == [601, 602]
    client.leave()
    back = come_from(bench, "192.0.2.1")
    back.send(Open(application="default", user="bob", token=token, data="n" * 24))
    assert back.inbox[0]["message"] == "opened"


def test_what_is_remembered_has_a_bound_whoever_comes_from_wherever(bench):
    serving = bench.node.serving
    for number in range(accounts.STRANGERS + 2_000):
        name = f"{number:06}" + "x" * 1_000
        serving.accounts.failed(name, "")
        serving.throttle.failed(f"203.{number >> 16}.{number >> 8 & 255}.{number & 255}:1", 2, 1.0)
    strangers, addresses = serving.accounts._strangers, serving.throttle._taken
    assert (len(strangers), len(addresses)) == (accounts.STRANGERS, throttle.ADDRESSES)
    assert sum(map(sys.getsizeof, strangers)) < 200 * accounts.STRANGERS, "names may be long"


def test_nothing_is_kept_of_logins_that_have_ended(bench):
    for address in everywhere(200):
        client = come_from(bench, address)
        client.send(Open(application="default", user=address, mechanism="PLAIN", data="x"))
        client.leave()
    for check in bench.of(commands.Authenticate):
        bench.handle(events.Authenticated(check.ticket, "rejected"))
    assert not bench.node.serving.accounts._pending
    assert not bench.node.serving.throttle._pending

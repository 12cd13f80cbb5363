"""Whatever bytes come in: no crash, no hang, and nothing of it reaches another session.

The decoding and the node as they are, without sockets; a master or a proxy, a line that has just
connected or one that has logged in, and beside it a witness whose session must not notice.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from proxyapp.engine import commands
from tests.proxyapp.engine.bench import EVE, OTHER, Bench, Client, Proxy, master, record

OPEN, PROXY = 1, 2
"""Bits of the first byte: the line has logged in; at a proxy."""
MESSAGES = 16
"""Of one input; what follows is left out."""
_ROUNDS = 100
"""Inputs after which the servers are made anew."""
_ANSWERS = 2_000_000
"""Bytes that the answers to one input may have."""
_SECRET = "only-for-the-witness"


class Servers:
    """A master and a proxy, each with a witness."""

    def __init__(self) -> None:
        self.master = master(token_secret=b"the masters' secret")
        self.proxy = Proxy(self.master)
        self.proxy.start()
        acl = [(3, EVE, 127)]
        self.master.commit(record("skill", 650, OTHER, name=_SECRET, tenantDBID=1, acl=acl))
        self.witnesses = {bench: _Witness(bench) for bench in (self.master, self.proxy)}

    def line(self, kind: int) -> Client:
        """Return a line to a server."""
        bench: Bench = self.proxy if kind & PROXY else self.master
        if not kind & OPEN:
            return bench.connect()
        client = bench.login("bob", token="")
        client.watch(types=["skill"])
        return client


class _Witness:
    """Somebody else at a server."""

    def __init__(self, bench: Bench) -> None:
        self.client = bench.connect()
        self.client.open("eve", token="")
        self.token = self.client.inbox[-1]["token"]
        self.client.watch(types=["skill"], snapshot=True)
        self.told = 0

    def check(self, answers: bytes) -> None:
        """It was not harmed, nothing of it was told to others, and it is still served."""
        client = self.client
        assert client.closed is None, client.closed
        assert _SECRET.encode() not in answers
        assert self.token.encode() not in answers
        assert not client.inbox, client.inbox
        assert client.read("skill", dbid=650) == [650]


class Target:
    """Takes inputs one after the other."""

    def __init__(self) -> None:
        self._servers = Servers()
        self._count = 0

    def take(self, data: bytes) -> list[bytes]:
        """Let a line send what is in the input, and check what came of it; return the answers.

        Args:
            data: one byte of `OPEN` and `PROXY`, then messages, each ended by a line feed.
        """
        self._count += 1
        if self._count % _ROUNDS == 0:
            self._servers = Servers()
        kind, messages = (data[:1] or b"\0")[0], data[1:].split(b"\n")[:MESSAGES]
        client = self._servers.line(kind)
        bench = client.bench
        del bench.commands[:], client.raw[:]
        client.send(*messages)
        answers = list(client.raw)
        sent = b"\n".join(answers)
        assert len(sent) < _ANSWERS, len(sent)
        for answer in answers:
            json.loads(answer)
        for command in bench.of(commands.Log):
            assert command.event != "request failed", command.fields["traceback"]
        if client.closed is None:
            client.leave()
        self._servers.witnesses[bench].check(sent)
        return answers


def seeds() -> list[bytes]:
    """Return inputs to begin with: each example of the page of the protocol, at each line."""
    page = (Path(__file__).parents[2] / "docs/reference/protocol.md").read_text()
    blocks = re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    examples = [message for block in blocks for message in _values(block)]
    return [bytes([kind]) + example for example in examples for kind in range(4)]


def _values(block: str) -> list[bytes]:
    decoder, text, found = json.JSONDecoder(), block.strip(), []
    while text:
        value, end = decoder.raw_decode(text)
        found.append(json.dumps(value, ensure_ascii=False).encode())
        text = text[end:].lstrip()
    return found

"""A scripted server: real sockets and a real login; what follows the login is the test's.

It provokes what a real server never does: answers cut in the middle, repeated notifications,
any close code.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from confwire.client import Client, State, Status
from confwire.codec import decode_client, encode
from confwire.errors import RequestError, TokenRefused
from confwire.handshake import ServerHandshake, make_verifier, parse_verifier, resume_proof
from confwire.messages import (
    SUBPROTOCOL,
    Acknowledge,
    Challenge,
    Change,
    Error,
    Message,
    NotificationRegistered,
    ObjectsChanged,
    ObjectsRead,
    Open,
    Opened,
    ServerIdentity,
)

PASSWORD = "pencil"
VERIFIER = make_verifier(PASSWORD, b"0123456789abcdef", 4096)


class Session:
    """One client's connection, seen by the scripted server."""

    def __init__(self, connection: ServerConnection) -> None:
        self.socket = connection
        self.opening: Any = None
        self.acknowledged: list[int] = []

    async def receive(self, kind: type | None = None) -> Any:
        """Return the client's next message, acknowledgements apart."""
        while True:
            message = decode_client(await self.socket.recv(decode=False))
            if isinstance(message, Acknowledge) and kind is not Acknowledge:
                self.acknowledged.append(message.revision)
                continue
            assert kind is None or isinstance(message, kind), message
            return message

    async def send(self, *messages: Message) -> None:
        for message in messages:
            await self.socket.send(encode(message), text=True)

    async def close(self, code: int, reason: str = "") -> None:
        await self.socket.close(code, reason)

    def cut(self) -> None:
        """Lose the connection without a word."""
        self.socket.transport.abort()

    async def packet(
        self, request: Any, *dbids: int, last: bool = False, total: int = 0, **more: Any
    ) -> None:
        """Answer a read with a packet of hosts."""
        await self.send(
            ObjectsRead(
                ref=request.ref,
                epoch="e",
                revision=10,
                object_type="host",
                count=len(dbids),
                total=total or len(dbids),
                last=last,
                objects=[host(dbid) for dbid in dbids],
                **more,
            )
        )

    async def registered(self, request: Any, revision: int, epoch: str = "e") -> None:
        await self.send(NotificationRegistered(ref=request.ref, epoch=epoch, revision=revision))

    async def changed(
        self, revision: int, *dbids: int, last: bool = True, epoch: str = "e", kind: str = "host"
    ) -> None:
        """Tell of a transaction, or of a part of one, that created hosts."""
        changes = [
            Change(change="created", object_type=kind, dbid=dbid, object=host(dbid))
            for dbid in dbids
        ]
        await self.send(ObjectsChanged(epoch=epoch, revision=revision, changes=changes, last=last))

    async def refuse(self, request: Any, error: RequestError) -> None:
        await self.send(
            Error(ref=request.ref, code=error.code, text=error.text, permanent=error.permanent)
        )


def host(dbid: int) -> msgspec.Raw:
    return msgspec.Raw(b'{"DBID":%d,"name":"h%d"}' % (dbid, dbid))


class Peer:
    """The scripted server."""

    def __init__(self) -> None:
        self.sessions: asyncio.Queue[Session] = asyncio.Queue()
        self.clients: list[Client] = []
        self.port = 0
        self.refusal: RequestError | None = None
        self.refused = asyncio.Event()
        self.max_message_size = 0
        self.epoch = "e"
        self.backup = ("", 0)
        self.server: ServerIdentity | None = None
        """Who it says it is; a master by default."""
        self.token = ""
        """What it gives to those who ask for a token, and takes from them."""
        self.is_false = False
        """It does not know the account."""
        self.shown = asyncio.Event()
        """A token was shown."""
        self.gate = asyncio.Event()
        """Tokens are answered."""
        self.gate.set()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    async def connect(self, *others: Peer, **options: Any) -> Client:
        """Open a client of this server; reconnects wait for nothing."""
        wished: dict[str, Any] = {
            "application": "default",
            "user": "default",
            "password": PASSWORD,
            "jitter": lambda: 0.0,
            "request_timeout": 20,
        }
        servers = [self.address, *(other.address for other in others)]
        client = await Client.connect(servers, **{**wished, **options})
        self.clients.append(client)
        return client

    async def session(self) -> Session:
        """Return the next session that a client opened."""
        async with asyncio.timeout(20):
            return await self.sessions.get()

    async def handle(self, connection: ServerConnection) -> None:
        session = Session(connection)
        if await self.opened(session):
            self.sessions.put_nowait(session)
            await connection.wait_closed()

    async def opened(self, session: Session) -> bool:
        try:
            session.opening = message = await session.receive()
            if self.refusal is not None:
                raise self.refusal
            if message.token:
                final = await self.resumed(session, message)
                if final:
                    await session.send(self.welcome(final, restored=True))
                    return True
                session.opening = message = await session.receive()
            handshake = ServerHandshake("s" * 24)
            await session.send(Challenge(handshake.challenge(message.data, VERIFIER, b"k")))
            final = handshake.check((await session.receive()).data)
        except RequestError as error:
            await session.send(Error(code=error.code, text=error.text, permanent=error.permanent))
            await session.close(4001, error.code)
            self.refused.set()
            return False
        await session.send(self.welcome(final))
        return True

    async def resumed(self, session: Session, message: Open) -> str:
        """Return the proof of a resume; empty when it was refused."""
        self.shown.set()
        await self.gate.wait()
        if message.token == self.token:
            key = b"false" if self.is_false else parse_verifier(VERIFIER).server_key
            return resume_proof(key, message.data, message.token)
        await session.send(Error(code=TokenRefused.code, text="no"))
        return ""

    def welcome(self, final: str, restored: bool = False) -> Opened:
        host, port = self.backup
        server = self.server or ServerIdentity(
            application="confserv",
            dbid=99,
            release="1.0.0",
            mode="master",
            backup_host=host,
            backup_port=str(port or ""),
        )
        return Opened(
            session="s1",
            epoch=self.epoch,
            revision=10,
            data=final,
            server=server,
            application_dbid=100,
            max_message_size=self.max_message_size,
            token=self.token,
            restored=restored,
        )


def ready(connection: ServerConnection, request: Request) -> Response | None:
    """Answer a probe; everything else is a client."""
    return connection.respond(200, "ready\n") if request.path == "/readyz" else None


@pytest_asyncio.fixture
async def peers() -> AsyncIterator[Any]:
    """Start scripted servers; called with nothing it gives another one."""
    started: list[Peer] = []
    servers = []

    async def start() -> Peer:
        peer = Peer()
        server = await serve(
            peer.handle,
            "127.0.0.1",
            0,
            subprotocols=[SUBPROTOCOL],
            ping_interval=None,
            process_request=ready,
        )
        peer.port = server.sockets[0].getsockname()[1]
        started.append(peer)
        servers.append(server)
        return peer

    yield start
    for peer in started:
        for client in peer.clients:
            await client.close()
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest_asyncio.fixture
async def peer(peers: Any) -> Peer:
    """One scripted server."""
    return await peers()


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Any]:
    """Start what runs beside the test; it is awaited for by the test, or cancelled at its end."""
    tasks: list[asyncio.Task[Any]] = []

    def begin(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        tasks.append(asyncio.get_running_loop().create_task(coroutine))
        return tasks[-1]

    yield begin
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def unused_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class States:
    """Notes the states of a client."""

    def __init__(self) -> None:
        self.seen: list[tuple[State, str]] = []
        self._changed = asyncio.Event()

    def __call__(self, status: Status) -> None:
        self.seen.append((status.state, status.reason))
        self._changed.set()

    async def reach(self, state: State) -> str:
        """Wait for a state and return its reason; what came before is forgotten."""
        async with asyncio.timeout(20):
            while state not in [seen for seen, _ in self.seen]:
                self._changed.clear()
                await self._changed.wait()
        reason = dict(self.seen)[state]
        self.seen.clear()
        return reason


@pytest_asyncio.fixture
async def states() -> States:
    """Something to give a client as `on_status`."""
    return States()

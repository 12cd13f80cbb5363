"""The client library: `Client` for asyncio, `BlockingClient` for everything else.

Both log in, read, subscribe and write, reconnect by themselves, try the backup address, and
resume every subscription where it was. They need websockets and msgspec, nothing of the servers.
"""

from __future__ import annotations

from confwire.client.asynchronous import Client
from confwire.client.backoff import Reconnect
from confwire.client.blocking import BlockingClient, BlockingRightsWatch, BlockingWatch
from confwire.client.failures import (
    ClientClosed,
    LinkLost,
    NoAnswer,
    OutcomeUnknown,
    ServerBehind,
    TlsFailed,
)
from confwire.client.past import History, PastChange, PastDifferences, PastObjects
from confwire.client.reading import Packet
from confwire.client.requesting import Written
from confwire.client.rightswatch import ObjectRights, RightsChange, RightsWatch
from confwire.client.sites import Place, SiteRule
from confwire.client.status import State, Status, Statuses
from confwire.client.watch import Interest, Notification, ObjectChange, Watch
from confwire.messages import Bounds, Cursor, KeepAlive, ObjectId

__all__ = [
    "BlockingClient",
    "BlockingRightsWatch",
    "BlockingWatch",
    "Bounds",
    "Client",
    "ClientClosed",
    "Cursor",
    "History",
    "Interest",
    "KeepAlive",
    "LinkLost",
    "NoAnswer",
    "Notification",
    "ObjectChange",
    "ObjectId",
    "ObjectRights",
    "OutcomeUnknown",
    "Packet",
    "PastChange",
    "PastDifferences",
    "PastObjects",
    "Place",
    "Reconnect",
    "RightsChange",
    "RightsWatch",
    "ServerBehind",
    "SiteRule",
    "State",
    "Status",
    "Statuses",
    "TlsFailed",
    "Watch",
    "Written",
]

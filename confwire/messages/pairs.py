"""What two servers of a pair tell each other, and the master, of who leads."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from confwire.messages.envelope import Answer, Message, Request
from confwire.messages.subscriptions import Subscription


class PairRole(Message, kw_only=True):
    """Server of a pair: what it does now; told to the other one and to the master."""

    running: Literal["starting", "primary", "backup", "asking", "apart"]
    term: Annotated[int, Meta(ge=0, le=2**53)]
    number: int = 0
    """Of the question that this answers; 0: nobody has asked."""
    configured: Literal["", "primary", "backup"] = ""
    """What the configuration said of it when it started."""
    run: str = ""
    """Names the run of the process."""
    said: Annotated[int, Meta(ge=0, le=2**53)] = 0
    """Grows with all that one run says of the lead, over whichever line."""


class MirroredSession(Struct, rename="camel", omit_defaults=True, kw_only=True, gc=False):
    """A client's session, as the backup of a pair needs it to go on with it."""

    session: str
    application: str
    application_dbid: int = field(name="applicationDBID")
    application_type: str = ""
    user: str = ""
    person_dbid: int = field(name="personDBID", default=0)
    peer: str = ""
    port: str = ""
    subscriptions: list[Subscription] = []


class SessionsMirrored(Message, kw_only=True):
    """Primary of a pair: what has become of its clients' sessions."""

    epoch: str
    revision: int
    """Where the primary is."""
    run: str
    """Names the run of the primary's process, as in pairRole."""
    number: Annotated[int, Meta(ge=1, le=2**53)]
    """One more than that of the message before it, over whichever line."""
    whole: bool = False
    """These are all: what was told before is void."""
    sessions: list[MirroredSession] = []
    """Those that have opened, or subscribe to something else."""
    closed: list[str] = []
    behind: list[tuple[str, int]] | None = None
    """Each session was sent all up to `revision` that it asked for, but these. None: no news."""


class AskSessions(Message):
    """Backup of a pair: a sessionsMirrored is missing; tell of all sessions anew."""


class HandOver(Message, kw_only=True):
    """Primary of a pair: lead from now on."""

    run: str
    said: Annotated[int, Meta(ge=0, le=2**53)]
    """Both as in pairRole."""


class ReadPeer(Request):
    """Proxy of a pair: does the master hear of the other server?"""


class PeerRead(Answer, kw_only=True):
    """Master: whether the other server has just answered it, and what it does."""

    lives: bool
    running: str = ""
    term: int = 0


class AskRole(Message, kw_only=True):
    """Master: what does this server of a pair do? Answered by pairRole with this number."""

    number: int

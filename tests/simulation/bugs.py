"""Bugs that are planted into the engine, each of which simulations must find.

A bug is what somebody could have written: it shows now and then, and no test of one step would
have to see it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace
from typing import Any

from msgspec import structs

from confwire import codec
from confwire.client.watch import Watch
from confwire.errors import Compacted, TokenRefused
from confwire.messages import Progress
from proxyapp.engine import intake
from proxyapp.engine.commands import Broadcast
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.journal import GONE
from proxyapp.engine.data.renewal import Renewal
from proxyapp.engine.events import Written
from proxyapp.engine.intake import Intake
from proxyapp.engine.links.daemons import Daemons
from proxyapp.engine.links.relaying import Relaying
from proxyapp.engine.links.replica import Replica
from proxyapp.engine.links.replication import Replication
from proxyapp.engine.notifying import fanout, parcels
from proxyapp.engine.notifying.fanout import FanOut
from proxyapp.engine.notifying.subscriptions import Spec, View
from proxyapp.engine.sessions import follower, registering, sessionrights
from proxyapp.engine.sessions.follower import Follower
from proxyapp.engine.sessions.heartbeat import Heartbeat
from proxyapp.engine.sessions.session import Session
from proxyapp.engine.standby.identity import Identity
from proxyapp.engine.topology.pair import Pair
from proxyapp.engine.trust.tokens import Ring

Patch = Callable[[Any], Any]
"""Takes what was there, returns what is there instead."""


class Bug:
    """One planted bug: what is replaced by what."""

    def __init__(self, *places: tuple[Any, str, Patch]) -> None:
        self._places = places

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Let the engine have this bug."""
        kept = [(owner, name, getattr(owner, name)) for owner, name, _ in self._places]
        try:
            for owner, name, patch in self._places:
                setattr(owner, name, patch(getattr(owner, name)))
            yield
        finally:
            for owner, name, was in kept:
                setattr(owner, name, was)


def _now_and_then(period: int) -> Callable[[], bool]:
    numbers = count(1)
    return lambda: next(numbers) % period == 0


def _drop_deliveries(deliver: Any) -> Any:
    due = _now_and_then(7)
    return lambda self, changes: [item for item in deliver(self, changes) if not due()]


def _tell_twice(tell: Any) -> Any:
    due = _now_and_then(9)

    def told(self: Intake, epoch: str, revision: int, deliveries: Any) -> None:
        found = list(deliveries)
        tell(self, epoch, revision, found)
        if due():
            tell(self, epoch, revision, found)

    return told


def _keep_what_is_gone(differences: Any) -> Any:
    def differ(self: Renewal) -> Iterator[Any]:
        return (r for r in differences(self) if r is None or r.body != GONE)

    return differ


def _ignore_folders(matches: Any) -> Any:
    def match(self: Spec, row: Any, store: Any) -> bool:
        wider = Spec(self.types, self.tenants, frozenset(), self.objects, mode=self.mode)
        return bool(matches(wider, row, store))

    return match


def _read_all_of_one_type(may_read: Any) -> Any:
    return lambda self, row: row.type == 13 or may_read(self, row)


def _former_of_now(delta: Any) -> Any:
    def former(info: Any, old: Any, step: Any) -> Any:
        return delta.former(info, {**old, **step}, step)

    return SimpleNamespace(diff=delta.diff, former=former)


def _leave_out_a_packet(packets: Any) -> Any:
    def torn(*arguments: Any, **options: Any) -> list[bytes]:
        found: list[bytes] = packets(*arguments, **options)
        return found[1:] if len(found) > 2 else found

    return torn


def _end_every_packet(packets: Any) -> Any:
    def torn(*arguments: Any, **options: Any) -> list[bytes]:
        found: list[bytes] = packets(*arguments, **options)
        return [item[:-1] + b',"last":true}' if i < len(found) - 1 else item
                for i, item in enumerate(found)]  # fmt: skip

    return torn


def _replay_backwards(replay: Any) -> Any:
    return lambda self, entries, profile: replay(self, entries[::-1], profile)


def _always_current(age: Any) -> Any:
    return lambda self, now: 0.0


def _sleep_on(wake: Any) -> Any:
    due = _now_and_then(25)

    def woken(self: Session) -> None:
        if self.replication is not None or not due():
            wake(self)

    return woken


def _refuse_cursors(check: Any) -> Any:
    def refuse(self: Follower, since: Any) -> None:
        check(self, since)
        if since.revision < self._serving.revision:
            raise Compacted

    return refuse


def _skip_one(fall_behind: Any) -> Any:
    due = _now_and_then(3)
    return lambda self, revision: fall_behind(self, revision + due())


def _beat_ahead(tell: Any) -> Any:
    def ahead(self: Heartbeat) -> None:
        serving = self._serving
        members = [member for view in serving.subscriptions for member in view.members]
        told = Progress(epoch=serving.epoch, revision=serving.revision + 1)
        serving.out.append(Broadcast(members, [codec.encode(told)]))

    return ahead


def _forget_what_left(pieces: Any) -> Any:
    def fewer(self: FanOut, found: Any, changes: Any) -> Iterator[bytes]:
        found.lost = []
        return pieces(self, found, changes)  # type: ignore[no-any-return]

    return fewer


def _load_behind(follow: Any) -> Any:
    def skip(self: Replication) -> Any:
        if self.behind:
            self.cursor = min(self.cursor + 1, self._serving.revision)
        return (yield from follow(self))

    return skip


def _refuse_tokens(read: Any) -> Any:
    def refuse(*arguments: Any) -> Any:
        raise TokenRefused

    return refuse


def _let_stay(may_stay: Any) -> Any:
    return lambda serving, session: ""


def _rename_on_the_next_link(start: Any) -> Any:
    def renamed(self: Relaying) -> None:
        for ticket, waiting in self._waiting.items():
            message = structs.replace(waiting.message, request_id=f"again {ticket}")
            self._waiting[ticket] = waiting._replace(message=message)
        start(self)

    return renamed


def _answer_what_is_open(stop: Any) -> Any:
    def answer(self: Relaying) -> None:
        waiting, self._waiting = self._waiting, {}
        stop(self)
        for ticket, item in waiting.items():
            self._serving.wrote(Written(ticket, self._serving.revision, item.message.dbid))

    return answer


def _skip_where_it_moves(follow: Any) -> Any:
    def skip(session: Session, specs: Any, since: Any) -> None:
        if since is not None and since.revision < session.serving.revision:
            since = structs.replace(since, revision=since.revision + 1)
        follow(session, specs, since)

    return skip


def _answer_as_itself(pool: Any) -> Any:
    return lambda self: None


def _forget_the_place(interrupted: Any) -> Any:
    def forget(self: Watch) -> None:
        interrupted(self)
        self.received = None

    return forget


def _let_both_in(rule: Any) -> Any:
    def let(self: Daemons, holder: Any, application: int, ruling: str, server: str = "") -> None:
        if ruling != "inUse":
            rule(self, holder, application, ruling, server)

    return let


def _trust_every_token(trust: Any) -> Any:
    def believe(self: Follower, part: bytes, since: int) -> None:
        self.trusted = 0

    return believe


def _push_past_the_limit(sees: Any) -> Any:
    def see(self: View, row: Any, store: Any) -> bool:
        return self.profile.whole.may_read(row) and self.mode_of(row, store) is not None

    return see


PACKERS = (intake, follower, parcels)
"""Who makes messages of notifications."""

BUGS: dict[str, Bug] = {
    "a dropped notification": Bug((FanOut, "deliver", _drop_deliveries)),
    "a duplicate": Bug((Intake, "_tell", _tell_twice)),
    "a stale swap": Bug((Renewal, "differences", _keep_what_is_gone)),
    "a lost filter": Bug((Spec, "matches", _ignore_folders)),
    "a lost check of rights": Bug((Profile, "may_read", _read_all_of_one_type)),
    "a wrong former value": Bug((fanout, "delta", _former_of_now)),
    "a packet left out": Bug(*((place, "packets", _leave_out_a_packet) for place in PACKERS)),
    "a torn transaction": Bug(*((place, "packets", _end_every_packet) for place in PACKERS)),
    "out of order": Bug((Follower, "_replay", _replay_backwards)),
    "a lying age": Bug((Replica, "age", _always_current)),
    "a silent hang": Bug((Session, "wake", _sleep_on)),
    "a lost resume": Bug((Follower, "check_since", _refuse_cursors)),
    "a cursor too far": Bug((Follower, "fall_behind", _skip_one)),
    "a bookmark too far": Bug((Heartbeat, "_tell_clients", _beat_ahead)),
    "a withdrawal that is not told": Bug((FanOut, "_pieces", _forget_what_left)),
    "a lost token": Bug((Ring, "read", _refuse_tokens)),
    "two of a pair that serve": Bug((Pair, "leads", lambda _: property(lambda pair: True))),
    "a gap on a link": Bug((Replication, "_follow", _load_behind)),
    "a write done twice": Bug((Relaying, "start", _rename_on_the_next_link)),
    "a write lost after its answer": Bug((Relaying, "stop", _answer_what_is_open)),
    "a resume that skips a change": Bug((registering, "follow_on", _skip_where_it_moves)),
    "a member that is not its pool": Bug((Identity, "_pool", _answer_as_itself)),
    "a client that forgets where it was": Bug((Watch, "interrupted", _forget_the_place)),
    "a daemon that is there twice": Bug((Daemons, "_rule", _let_both_in)),
    "a daemon that is locked out": Bug((Daemons, "left", lambda _: lambda self, link: None)),
    "a token that brings objects past a site limit": Bug((Follower, "trust", _trust_every_token)),
    "a push from outside a site limit": Bug((View, "sees", _push_past_the_limit)),
    "a barred account that stays": Bug((sessionrights, "may_stay", _let_stay)),
}

"""Objects as they were, read from the tables for a node: rights are judged by the node itself."""

from __future__ import annotations

from datetime import UTC, datetime

from confwire.errors import HistoryExpired
from confwire.objects import ObjectType
from historylog.entries import TIMES
from historylog.past import last_places
from proxyapp.engine.commands import FindDifferences, FindPast
from proxyapp.engine.events import DifferencesFound, PastFound, PastObject, PastPair
from proxyapp.models.door import Key
from proxyapp.services import pastpages
from proxyapp.services.asof import Past, State
from proxyapp.services.pastpages import Asked


def find(command: FindPast) -> PastFound:
    """Return a page of objects as they were, with where those lay last that are gone."""
    try:
        past = _past(command.revision, command.time)
        if command.dbid:
            state = past.state(ObjectType(command.type), command.dbid)
            asked = state is not None and command.folder in (0, state.folder)
            states = [state] if state is not None and asked and command.dbid > command.after else []
            following = 0
        else:
            after = (command.type, command.after) if command.after else None
            found = pastpages.objects(past, _asked(command, after))
            states, following = found.rows, found.next[1] if found.next is not None else 0
    except HistoryExpired as error:
        return PastFound(command.connection, [], expired=str(error), oldest=_oldest(error))
    last = last_places({state.key for state in states})
    objects = [
        PastObject(state.type, state.dbid, last.get(state.key), state.body.encode(), state.folder)
        for state in states
    ]
    return PastFound(command.connection, objects, past.revision, following)


def find_differences(command: FindDifferences) -> DifferencesFound:
    """Return a page of objects as they were at two moments, of those that were changed since."""
    try:
        former = _past(command.revision, command.time)
        past = _past(command.until, command.until_time)
        key = (command.type, command.dbid)
        if command.dbid:
            states = (former.states([key]).get(key), past.states([key]).get(key))
            rows, following = ([states] if any(states) and key > command.after else []), None
        else:
            found = pastpages.pairs(former, past, _asked(command, command.after))
            rows, following = found.rows, found.next
    except HistoryExpired as error:
        return DifferencesFound(command.connection, [], expired=str(error), oldest=_oldest(error))
    keys = [state.key for pair in rows if (state := pair[0] or pair[1]) is not None]
    last = last_places(set(keys))
    pairs = [
        PastPair(key[0], key[1], last.get(key), _told(before), _told(now))
        for key, (before, now) in zip(keys, rows, strict=True)
    ]
    return DifferencesFound(command.connection, pairs, former.revision, past.revision, following)


def _asked(command: FindPast | FindDifferences, after: Key | None) -> Asked:
    return Asked(type=command.type, folder=command.folder, after=after, limit=command.limit)


def _told(state: State | None) -> tuple[int, bytes] | None:
    return (state.folder, state.body.encode()) if state is not None else None


def _oldest(error: HistoryExpired) -> int:
    return int(error.data.get("oldest", error.data.get("revision", 0)))


def _past(revision: int | None, time: float) -> Past:
    if revision is not None:
        return Past(revision)
    return Past.at(datetime.fromtimestamp(min(max(time, TIMES[0]), TIMES[1]), UTC))

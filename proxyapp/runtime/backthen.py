"""Objects as they were, read from the tables for a node: rights are judged by the node itself."""

from __future__ import annotations

from datetime import UTC, datetime

from confwire.errors import HistoryExpired
from confwire.objects import ObjectType
from historylog.entries import TIMES
from historylog.past import last_places
from proxyapp.engine.commands import FindPast
from proxyapp.engine.events import PastFound, PastObject
from proxyapp.services import pastpages
from proxyapp.services.asof import Past


def find(command: FindPast) -> PastFound:
    """Return a page of objects as they were, with where those lay last that are gone."""
    try:
        past = _past(command)
        if command.dbid:
            state = past.state(ObjectType(command.type), command.dbid)
            asked = state is not None and command.folder in (0, state.folder)
            states = [state] if state is not None and asked and command.dbid > command.after else []
            following = 0
        else:
            after = (command.type, command.after) if command.after else None
            found = pastpages.objects(
                past, type_=command.type, folder=command.folder, after=after, limit=command.limit
            )
            states, following = found.rows, found.next[1] if found.next is not None else 0
    except HistoryExpired as error:
        oldest = error.data.get("oldest", error.data.get("revision", 0))
        return PastFound(command.connection, [], expired=str(error), oldest=oldest)
    last = last_places({state.key for state in states})
    objects = [
        PastObject(state.type, state.dbid, last.get(state.key), state.body.encode())
        for state in states
    ]
    return PastFound(command.connection, objects, past.revision, following)


def _past(command: FindPast) -> Past:
    if command.revision is not None:
        return Past(command.revision)
    return Past.at(datetime.fromtimestamp(min(max(command.time, TIMES[0]), TIMES[1]), UTC))

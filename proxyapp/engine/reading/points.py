"""Point reads: one object by its DBID or its name, the shortest way from request to answer.

A batch of requests is answered in one loop that splices ready bytes; the first message that is
anything else ends it. Knows no sessions; what is not as plain as that it
leaves to the general reader.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from confwire.codec import decode_unchecked
from confwire.messages import ReadObjects
from confwire.objects import BY_NAME
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.journal import Journal
from proxyapp.engine.data.rights import READ
from proxyapp.engine.data.store import PAGE_BITS, PAGE_MASK, Page, Table
from proxyapp.engine.reading.requests import NAMED_BY_NAME, Reader

_Shelf = tuple[dict[int, Page], bytes, Table | None]
"""Of one type: its pages, what an answer says between ref and object, and where names are found."""


class PointReader:
    """Answers point reads from the store of a reader."""

    def __init__(self, reader: Reader, journal: Journal) -> None:
        self._reader = reader
        self._journal = journal
        self._shelves: dict[str, _Shelf] = {}
        self._as_of = ("", -1)
        """Epoch and revision that the shelves bear."""

    def answer(self, messages: Iterable[bytes], profile: Profile, answers: list[bytes]) -> int:
        """Answer the messages from the first on, as long as they are plain point reads.

        The answers are appended. Returns how many messages were answered; the next one, if
        there is one, is for the general way, be it what it may.
        """
        as_of = self._reader.epoch, self._journal.revision
        if as_of != self._as_of:
            self._as_of = as_of
            self._shelves.clear()
        shelves, masks, append = self._shelves, profile.masks, answers.append
        before = len(answers)
        for data in messages:
            try:
                message = decode_unchecked(data)
            except (ValueError, RecursionError):
                break
            if message.__class__ is not ReadObjects or message.limit or message.after:
                break
            if message.freshness:
                break
            shelf = shelves.get(message.object_type)
            if shelf is None:
                if message.object_type not in BY_NAME:
                    break
                shelf = self._shelf(message.object_type)
            pages, mark, table = shelf
            given = message.filter
            if len(given) != 1:
                break
            dbid = given.get("dbid")
            if dbid.__class__ is int:
                page = pages.get(dbid >> PAGE_BITS)
                row = None if page is None else page[dbid & PAGE_MASK]
                if row is None:
                    append(self._reader.none_found(message))
                    continue
            else:
                name = given.get("name")
                if name.__class__ is not str or table is None or "*" in name:
                    break
                row = table.only_named(name)
            if row is None:
                break
            mask = masks.get(row.node)
            if mask is None:
                mask = profile.mask(row.node)
            if not mask & READ:
                break
            ref = message.ref
            if ref.__class__ is int:
                append(b'{"message":"objectsRead","ref":%d%b%b]}' % (ref, mark, row.body))
            else:
                text = msgspec.json.encode(ref)
                append(b'{"message":"objectsRead","ref":%b%b%b]}' % (text, mark, row.body))
        return len(answers) - before

    def _shelf(self, type_name: str) -> _Shelf:
        type_ = BY_NAME[type_name].type
        table = self._reader.store.tables[type_]
        epoch, revision = self._as_of
        mark = (
            f',"epoch":"{epoch}","revision":{revision},"objectType":"{type_name}",'
            '"count":1,"total":1,"last":true,"objects":['
        ).encode()
        shelf = table.pages, mark, table if type_ in NAMED_BY_NAME else None
        self._shelves[type_name] = shelf
        return shelf

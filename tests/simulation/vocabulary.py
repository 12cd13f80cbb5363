"""The words for records that the parts of a simulation share: keys, places, types, documents."""

from __future__ import annotations

from typing import Any

import msgspec

from confwire.messages import Record
from tests.proxyapp.engine.bench import T

Key = tuple[int, int]
Document = dict[str, Any]
Place = tuple[str, int]
"""(epoch, revision)."""

FOLDER, TENANT = T["folder"], T["tenant"]
GROUP, PERSON, APPLICATION = T["accessGroup"], T["person"], T["application"]

_documents: dict[bytes, Document] = {}


def document_of(record: Record) -> Document:
    """Return the document of a record; shared, so it must not be changed."""
    body = bytes(record.body)
    found = _documents.get(body)
    if found is None:
        if len(_documents) > 20_000:
            _documents.clear()
        found = _documents[body] = msgspec.json.decode(body)
    return found

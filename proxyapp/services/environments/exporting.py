"""Exports: objects of the configuration as an environment file."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from confwire.objects import Document, ObjectInfo
from proxyapp.models import Document as Published
from proxyapp.services.environments.encoding import Encoder, Key
from proxyapp.services.environments.spelling import in_order_of_files

_METADATA = b'{\n  "__metadata__": {\n    "formatName": "JSON",\n    "formatVersion": "1.0.0"\n  }'


def export(types: Collection[ObjectInfo] = ()) -> Iterator[bytes]:
    """Yield the parts of an environment file with all objects of these types, else of all types.

    The lists are in order of their names, the objects in order of theirs. All are read by one
    statement, so the file shows one moment.
    """
    documents = _documents()
    encoder = Encoder(documents)
    yield _METADATA
    for info in in_order_of_files():
        if not types or info in types:
            yield from _list_of(info, documents, encoder)
    yield b"\n}\n"


def _documents() -> dict[Key, Document]:
    rows = Published.objects.values_list("type", "dbid", "body").iterator(chunk_size=2000)
    return {(type_, dbid): msgspec.json.decode(body) for type_, dbid, body in rows}


def _list_of(info: ObjectInfo, documents: dict[Key, Document], encoder: Encoder) -> Iterator[bytes]:
    found = [document for (type_, _), document in documents.items() if type_ == info.type]
    if not found:
        return
    words = {document["DBID"]: encoder.words_of(info.type, document) for document in found}
    found.sort(key=lambda document: (words[document["DBID"]], document["DBID"]))
    yield f',\n  "{info.plural}": ['.encode()
    separator = b"\n    "
    for document in found:
        entry = msgspec.json.encode(encoder.encode(info.type, document), order="sorted")
        # Within texts line feeds are escaped, so those here are the layout's.
        yield separator + msgspec.json.format(entry, indent=2).replace(b"\n", b"\n    ")
        separator = b",\n    "
    yield b"\n  ]"

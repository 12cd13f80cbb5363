"""A row gives back exactly what servers exchange."""

from __future__ import annotations

import msgspec

from confwire.messages import Record
from proxyapp.engine.data.rights import RightsNode
from proxyapp.engine.data.rows import Row

BODY = b'{"DBID":101,  "name":"\xd0\x9f\xd0\xb0\xd1\x80\xd0\xb8\xd0\xb6"}'


def row(acl: list[tuple[int, int, int]] | None, verifier: str) -> Row:
    return Row(
        type=9, dbid=101, folder=108, tenant=1, name="Париж", enabled=True, body=BODY,
        acl=acl, verifier=verifier, node=RightsNode((22, 108)),
    )  # fmt: skip


def test_the_record_bears_the_body_byte_for_byte() -> None:
    encoded = msgspec.json.encode(row(None, "").record())
    assert BODY in encoded
    assert bytes(msgspec.json.decode(encoded, type=Record).body) == BODY


def test_grants_and_verifier_belong_to_the_record() -> None:
    record = row([(3, 100, 9)], "SCRAM-SHA-256$4096:c2FsdA==$a:b").record()
    assert (record.type, record.dbid, record.folder) == (9, 101, 108)
    assert record.acl == [(3, 100, 9)]
    assert record.verifier == "SCRAM-SHA-256$4096:c2FsdA==$a:b"

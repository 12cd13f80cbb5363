"""Shared by all tests of the server: the check that a change arrives as it was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import msgspec
import pytest

from confwire.delta import apply, diff
from confwire.messages import Record, Transaction
from confwire.objects import OBJECTS, ObjectType
from proxyapp.engine.data.journal import GONE, chain_hash, record_digest, tree_after

Key = tuple[int, int]
VerifyChange = Callable[[], AbstractContextManager[list[Transaction]]]


@pytest.fixture
def verify_change(db: None) -> VerifyChange:
    """Return a block that checks: old state + delivered changes == new state.

    Within: whatever writes. After it the list holds the transactions that it made, each
    with one change an object, deltas that lead from the old documents to the new ones, and
    hashes that agree with the data.
    """

    @contextmanager
    def verified() -> Iterator[list[Transaction]]:
        from proxyapp import selectors

        before, state = selectors.current_revision(), _state()
        transactions: list[Transaction] = []
        yield transactions
        transactions += selectors.transactions_since(before.revision)
        tree, hash_, revision = before.tree, before.hash, before.revision
        for transaction in transactions:
            revision += 1
            assert (transaction.revision, transaction.last) == (revision, True)
            tree = _follow(state, transaction.records, tree)
            hash_ = chain_hash(hash_, revision, tree)
            assert (int(transaction.tree, 16), transaction.hash) == (tree, hash_)
        assert selectors.current_revision() == (before.epoch, revision, tree, hash_)
        assert state == _state()

    return verified


def _state() -> dict[Key, Record]:
    from proxyapp import selectors

    return {(record.type, record.dbid): record for record in selectors.load_records(limit=10**6)}


def _follow(state: dict[Key, Record], records: list[Record], tree: int) -> int:
    keys = [(record.type, record.dbid) for record in records]
    assert keys
    assert len(keys) == len(set(keys)), "an object has several changes in one transaction"
    for key, record in zip(keys, records, strict=True):
        old = state.pop(key, None)
        tree = tree_after(tree, record_digest(old) if old else 0, record_digest(record))
        assert record != old, "a change without a difference"
        if record.body != GONE:
            _check_delta(key, old, record)
            state[key] = record
    return tree


def _check_delta(key: Key, old: Record | None, new: Record) -> None:
    info = OBJECTS[ObjectType(key[0])]
    before = msgspec.json.decode(old.body) if old else {}
    after = msgspec.json.decode(new.body)
    arrived = apply(info, before, diff(info, before, after))
    assert msgspec.json.encode(arrived) == bytes(new.body)
    assert (after["DBID"], after["folderDBID"]) == (new.dbid, new.folder)

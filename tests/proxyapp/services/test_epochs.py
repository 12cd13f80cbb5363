"""A new epoch after a restore: the history goes on, and says of which epoch each change is."""

from __future__ import annotations

from collections.abc import Callable

from confwire.epochs import begun_at, is_earlier, name_at
from historylog import checkpoints
from historylog.models import Checkpoint, Transaction
from historylog.verification import verify
from proxyapp.models import Revision
from proxyapp.services import epochs, recording


def test_the_history_of_a_restored_database_goes_on(create: Callable[..., int]) -> None:
    create("skill", tenantDBID=1, name="before")
    restored = Revision.objects.get()
    epoch = epochs.begin()
    create("skill", tenantDBID=1, name="after")
    assert Transaction.objects.get(revision=restored.number).epoch == restored.epoch
    assert Transaction.objects.get(revision=restored.number + 1).epoch == epoch
    position = Revision.objects.get()
    assert list(verify(position.number, position.chain)) == []


def test_its_end_is_signed_as_it_was_found(create: Callable[..., int]) -> None:
    create("skill", tenantDBID=1, name="before")
    epochs.begin()
    position, signed = Revision.objects.get(), Checkpoint.objects.latest("pk")
    assert checkpoints.is_genuine(signed)
    assert (signed.reason, signed.revision) == ("epoch", position.number)
    assert signed.chain == position.chain


def test_a_database_that_is_older_than_the_history_begins_where_it_stands(db: None) -> None:
    Revision.objects.update(number=5000, chain="")
    recording.begin()
    recording.begin()
    floor = checkpoints.floor()
    assert floor is not None
    assert (floor.revision, floor.reason) == (5000, "beginning")
    assert Checkpoint.objects.filter(reason="beginning").count() == 1


def test_a_new_epoch_is_later_than_all_that_are_known(db: None) -> None:
    first = Revision.objects.get().epoch
    second = epochs.begin()
    third = epochs.begin(proven=name_at(1 << 46, bytes(10)))  # a clock was far ahead once
    fourth = epochs.begin()
    assert [first, second, third, fourth] == sorted({first, second, third, fourth})
    assert is_earlier(first, second)
    assert begun_at(third) == (1 << 46) + 1

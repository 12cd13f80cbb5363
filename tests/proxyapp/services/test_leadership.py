from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db.models import F

from confwire.errors import DatabaseUnavailable, MasterUnavailable
from historylog.models import Transaction
from proxyapp.models import Change, Document, Revision
from proxyapp.services import epochs, journal, leadership, objects
from proxyapp.services.leadership import Standing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def operator() -> Iterator[None]:
    yield
    leadership.forget()


def create(name: str) -> int | None:
    done = objects.create("skill", {"name": name, "tenantDBID": 1}, 0, by=None, origin="test")
    return done.result.revision


def test_each_taking_of_the_lead_begins_a_new_term_and_says_whose():
    first = leadership.take("confserv", "a", 8080)
    second = leadership.take("confserv-backup", "b", 8081)
    assert (first, second) == (1, 2)
    assert leadership.standing() == Standing(2, "confserv-backup", "b", 8081)


def test_a_master_writes_under_its_own_term_only():
    leadership.claim("a", leadership.take("confserv", "a", 0))
    assert create("mine")
    leadership.take("confserv-backup", "b", 0)
    before = Revision.objects.get().number, Change.objects.count(), Transaction.objects.count()
    with pytest.raises(MasterUnavailable, match="no longer leads, 'confserv-backup' does"):
        create("too late")
    assert not leadership.leads()
    after = Revision.objects.get().number, Change.objects.count(), Transaction.objects.count()
    assert before == after
    assert not Document.objects.filter(body__contains="too late").exists()


def test_a_master_that_took_the_lead_again_does_not_write_under_its_old_term():
    old = leadership.take("confserv", "a", 0)
    leadership.take("confserv", "a", 0)
    leadership.claim("a", old)
    with pytest.raises(MasterUnavailable):
        create("too late")


def test_a_web_process_writes_for_as_long_as_its_node_leads():
    leadership.claim("a")
    with pytest.raises(MasterUnavailable):
        create("too early")
    for _ in range(2):
        leadership.take("confserv", "a", 0)
        assert leadership.leads()
        create(f"in term {leadership.standing().term}")
    leadership.take("confserv-backup", "b", 0)
    assert not leadership.leads()


def test_a_master_in_doubt_writes_nothing_although_nobody_else_leads():
    leadership.claim("a", leadership.take("confserv", "a", 0))
    leadership.forbid("a", "the lock was lost")
    with pytest.raises(DatabaseUnavailable, match="the lock was lost"):
        create("in doubt")
    assert not leadership.leads()


def test_commands_of_operators_write_under_whatever_term_there_is():
    leadership.take("confserv", "a", 0)
    assert create("by hand")
    assert leadership.leads()


def test_the_statement_of_a_commit_itself_refuses_another_term(monkeypatch):
    leadership.take("confserv", "a", 0)
    write = journal.write

    def late(head, lines, history, term):
        leadership.take("confserv-backup", "b", 0)
        write(head, lines, history, term)

    monkeypatch.setattr(journal, "write", late)
    revision = Revision.objects.get().number
    with pytest.raises(MasterUnavailable):
        create("late")
    assert Revision.objects.get().number == revision


def test_a_master_that_was_replaced_begins_no_epoch():
    leadership.claim("a", leadership.take("confserv", "a", 0))
    leadership.take("confserv-backup", "b", 0)
    epoch = Revision.objects.get().epoch
    with pytest.raises(MasterUnavailable):
        epochs.begin()
    assert Revision.objects.get().epoch == epoch


def test_a_web_process_writes_in_no_database_that_is_behind_what_it_has_seen() -> None:
    leadership.take("confserv", "a", 0)
    leadership.claim("a")
    assert leadership.leads()
    Revision.objects.update(term=F("term") - 1)
    assert not leadership.leads()
    with pytest.raises(MasterUnavailable, match="this database is behind"):
        create("to a former primary")

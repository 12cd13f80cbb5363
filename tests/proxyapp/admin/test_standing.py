from __future__ import annotations

from collections.abc import Iterator

import pytest

from proxyapp.models import Host, Revision
from proxyapp.services import changes, leadership

pytestmark = pytest.mark.django_db

NOTHING = "This is a backup master, and nothing can be changed here"


@pytest.fixture
def backup(db: None) -> Iterator[None]:
    """This is the site of a master that does not lead."""
    with changes.commit(by=None, origin="test") as work:
        host = Host.objects.get(pk=100)
        host.name = "one.example"
        work.save(host)
    leadership.take("confserv", "instance of another", 8080)
    leadership.claim("instance of this one")
    yield
    leadership.forget()


def test_the_site_of_a_backup_shows_everything_and_says_who_leads(client, backup):
    page = client.get("/admin/proxyapp/host/100/change/").content.decode()
    assert "one.example" in page
    assert NOTHING in page
    assert 'href="http://one.example:8080/admin/"' in page
    assert 'name="_save"' not in page
    assert "Add host" not in client.get("/admin/proxyapp/host/").content.decode()


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/admin/proxyapp/host/100/change/", {"name": "other"}),
        ("/admin/proxyapp/host/add/", {"name": "other"}),
        ("/admin/proxyapp/host/100/delete/", {"post": "yes"}),
        ("/admin/password_change/", {"old_password": "x"}),
    ],
)
def test_what_is_sent_to_a_backup_changes_nothing_and_that_is_said(client, backup, path, form):
    revision = Revision.objects.get().number
    page = client.post(path, form, follow=True).content.decode()
    assert "Nothing was changed: &#x27;confserv&#x27; leads: it is at http://one.example" in page
    assert Revision.objects.get().number == revision


def test_who_looks_at_a_backup_can_log_out(client, backup):
    assert client.post("/admin/logout/").status_code == 200
    assert client.get("/admin/").status_code == 302


def test_the_site_of_the_leader_says_nothing(client, backup):
    leadership.take("confserv", "instance of this one", 8080)
    page = client.get("/admin/proxyapp/host/100/change/").content.decode()
    assert NOTHING not in page
    assert 'name="_save"' in page

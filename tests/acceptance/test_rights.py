"""Rights on live subscriptions behind a proxy: granted, withdrawn, moved, at once and whole."""

from __future__ import annotations

import pytest

from confwire.client import BlockingClient
from tests.servers import PASSWORD, Site

pytestmark = pytest.mark.slow

PREPARE = """
from proxyapp.models import Folder, Person
from proxyapp.services import changes, objects
from proxyapp.services.accounts import set_password
root = Folder.objects.get(type="skill", owner_type=7, owner_dbid=1, folder=None)
def folder(name, above):
    document = {"name": name, "type": "skill", "owner": {"objectType": "tenant", "DBID": 1}}
    return objects.create("folder", document, above, by=None, origin="test").dbid
open_, hidden = folder("Open", root.dbid), folder("Hidden", root.dbid)
inner = folder("Inner", hidden)
skills = [
    objects.create("skill", {"name": n, "tenantDBID": 1}, f, by=None, origin="test").dbid
    for n, f in (("visible", open_), ("secret", hidden), ("deep", inner))
]
person = objects.create(
    "person", {"userName": "мария", "employeeID": "m1", "tenantDBID": 1}, 0, by=None, origin="test"
).dbid
set_password(Person.objects.get(pk=person), "only for tests", by=None, origin="test")
print(open_, hidden, inner, *skills, person)
"""

GRANT = """
import sys
from proxyapp.models import Folder, Person
from proxyapp.services import access
folder, person, mask = map(int, sys.argv[1:])
folder, person = Folder.objects.get(pk=folder), Person.objects.get(pk=person)
if mask:
    access.grant(folder, person, mask, by=None, origin="test")
else:
    access.revoke(folder, person, by=None, origin="test")
"""

MOVE = """
import sys
from proxyapp.services import objects
objects.update(sys.argv[1], int(sys.argv[2]), {"folderDBID": int(sys.argv[3])}, by=None, origin="t")
"""


def test_rights_take_effect_on_live_subscriptions_at_once(site: Site) -> None:
    open_, hidden, inner, visible, secret, deep, person = site.python(PREPARE).split()
    site.python(GRANT, open_, person, "1")
    site.master().start()
    proxy = site.proxy().start()
    with BlockingClient.connect(
        [("127.0.0.1", proxy.port)], application="default", user="мария", password=PASSWORD
    ) as client:

        def seen() -> list[str]:
            return [str(skill["DBID"]) for skill in client.read("skill")]

        def told() -> list[tuple[str, str, bool]]:
            notification = watch.next(timeout=10)
            assert notification is not None
            return sorted((c.kind, str(c.dbid), bool(c.object)) for c in notification.changes)

        watch = client.watch(["skill"])
        assert seen() == [visible]
        assert client.read("skill", {"name": "secret"}) == []
        assert [o["DBID"] for o in client.brief("skill")] == [int(visible)]

        site.python(GRANT, hidden, person, "1")
        assert told() == [("entered", secret, True), ("entered", deep, True)]
        assert seen() == [visible, secret, deep]

        site.python(GRANT, hidden, person, "0")
        assert told() == [("left", secret, False), ("left", deep, False)]
        assert seen() == [visible]

        site.python(MOVE, "skill", secret, open_)
        assert told() == [("entered", secret, True)]
        site.python(MOVE, "folder", inner, open_)
        assert told() == [("entered", deep, True)]
        site.python(MOVE, "skill", visible, hidden)
        assert told() == [("left", visible, False)]
        assert seen() == [secret, deep]

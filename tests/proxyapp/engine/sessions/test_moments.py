from __future__ import annotations

import pytest

from confwire.messages import ReadPast
from confwire.objects import ObjectType
from proxyapp.engine.sessions.moments import wanted_by

BODY = b'{"DBID":7,"name":"One","tenantDBIDs":[1,4],"folderDBID":3}'


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ({}, True),
        ({"dbid": 7, "folder_dbid": 3}, True),
        ({"dbid": 8}, False),
        ({"folder_dbid": 4}, False),
        ({"name": "o*E"}, True),
        ({"name": "two"}, False),
        ({"tenant_dbid": 4}, True),
        ({"tenant_dbid": 5}, False),
    ],
)
def test_an_object_is_asked_for_by_its_place_and_name(asked, holds):
    wanted = wanted_by(ReadPast(ref=1, object_type="application", **asked))
    assert wanted.holds_body(int(ObjectType.APPLICATION), 7, 3, BODY) is holds

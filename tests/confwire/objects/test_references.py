"""What documents refer to."""

from __future__ import annotations

from confwire.objects import BY_NAME, ObjectType, references_of


def test_references_of_a_document_are_found_at_every_depth():
    application = {
        "DBID": 101,
        "tenantDBIDs": [1, 102],
        "folderDBID": 5,
        "serverInfo": {"hostDBID": 7, "backupServerDBID": 0},
        "appServers": [{"appServerDBID": 99}],
        "resources": [{"object": {"objectType": "dn", "DBID": 8}}],
    }
    assert sorted(references_of(BY_NAME["application"], application)) == [
        ("appServers.appServerDBID", ObjectType.APPLICATION, 99),
        ("resources.object", ObjectType.DN, 8),
        ("serverInfo.hostDBID", ObjectType.HOST, 7),
        ("tenantDBIDs", ObjectType.TENANT, 1),
        ("tenantDBIDs", ObjectType.TENANT, 102),
    ]


def test_members_of_any_type_are_references():
    group = {"members": [{"objectType": "person", "DBID": 100}], "tenantDBID": 1}
    found = list(references_of(BY_NAME["accessGroup"], group))
    assert found == [("members", ObjectType.PERSON, 100)]

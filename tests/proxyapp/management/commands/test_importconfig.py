"""Environment files go in, are skipped when they come again, and update what they name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[3] / "data" / "environment-json"

DN = "dn [number: '123', switch: 'switchForDn', type: 'Extension', name: 'cfgObjectTest'"
MULTIPLE = """\
+ physicalswitch [MultiObjectImportPhysicalSwitch1]
+ physicalswitch [MultiObjectImportPhysicalSwitch2]
+ switch [Environment/MultiObjectImportSwitch1]
+ switch [Environment/MultiObjectImportSwitch2]
+ switch [Environment/MultiObjectImportSwitch3]
+ dn [number: '123', switch: 'MultiObjectImportSwitch1', type: 'Extension', \
name: 'MultiObjectImportDN', tenant: 'Environment']
Completed. 6 objects created. 0 object updated. 0 object skipped.
"""

TYPES = {
    "accessGroups": "accessgroup [Environment/cfgObjectTest]",
    "agentGroups": "agentgroup [Environment/cfgObjectTest]",
    "appPrototypes": "appprototype [cfgObjectTest]",
    "applications": "application [cfgObjectTest]",
    "dns": f"{DN}, tenant: 'Environment']",
    "enumeratorValues": "enumeratorvalue [name: 'cfgObjectTest', enumerator: "
    "'Environment/MediaType']",
    "enumerators": "enumerator [Environment/cfgObjectTest]",
    "folders": "folder [type: 'person', owner: 'tenant/Environment', "
    "path: 'Persons/cfgObjectTest']",
    "hosts": "host [cfgObjectTest]",
    "persons": "person [Environment/cfgObjectTest]",
    "places": "place [Environment/cfgObjectTest]",
    "roles": "role [cfgObjectTest]",
    "scripts": "script [Environment/cfgObjectTest]",
    "services": "service [cfgObjectTest]",
    "skills": "skill [Environment/cfgObjectTest]",
    "switches": "switch [Environment/cfgObjectTest]",
    "tenants": "tenant [cfgObjectTest]",
    "transactions": "transaction [name: 'cfgObjectTest', type: 'calldata', tenant: 'Environment']",
}
BEFORE = {"dns": "dn-dependencies", "switches": "switch-dependencies"}
IGNORED = {"password", "passwordHashAlgorithm", "serviceProvider"}


def data(name: str) -> Path:
    """Return one of the given files."""
    return DATA / f"{name}-config.json"


@pytest.fixture
def cspencer(db: None) -> None:
    """Make the person that the file of roles refers to."""
    from proxyapp.services.objects import create

    person = {"tenantDBID": 1, "employeeID": "cspencer", "userName": "cspencer"}
    create("person", person, by=None, origin="test")


def write(path: Path, **lists: Any) -> Path:
    """Write an environment file."""
    content = {"__metadata__": {"formatName": "JSON", "formatVersion": "1.0.0"}, **lists}
    path.write_text(json.dumps(content))
    return path


def objects_of(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return (list, object) of all that a file gives."""
    content = json.loads(path.read_text())
    return [
        (plural, item)
        for plural, items in content.items()
        if plural != "__metadata__"
        for item in items
    ]


def assert_held(exported: dict[str, Any], plural: str, given: dict[str, Any]) -> None:
    """Assert that an export has an object that equals the given one in each given property."""
    given = {name: value for name, value in given.items() if name not in IGNORED}
    assert any(_holds(item, given) for item in exported[plural]), (plural, given)


def _holds(item: Any, given: Any) -> bool:
    if isinstance(given, dict) and isinstance(item, dict):
        return all(name in item and _holds(item[name], value) for name, value in given.items())
    return bool(item == given)


# ---------------------------------------------------------------- the given files


@pytest.mark.parametrize("plural", TYPES)
def test_a_given_file_goes_through_import_repeat_update_and_export(
    run: Any, cspencer: None, plural: str
) -> None:
    if plural in BEFORE:
        assert run("importconfig", data(BEFORE[plural])).code == 0
    files = [data(plural), data(f"{plural}-updated")]
    count = len(objects_of(files[0]))

    created = run("importconfig", files[0])
    assert created.code == 0, created.err
    assert f"+ {TYPES[plural]}\n" in created.out
    for given in objects_of(files[0]):
        assert_held(json.loads(run("exportconfig").out), *given)

    again = run("importconfig", files[0])
    assert (again.code, again.err) == (0, "")
    assert {line[0] for line in again.out.splitlines()[:-1]} == {"="}
    assert f"0 object created. 0 object updated. {count} object" in again.out

    updated = run("importconfig", files[1])
    label = TYPES[plural].replace("calldata", "callData")
    assert updated.out == (
        f"~ {label}\nCompleted. 0 object created. 1 object updated. 0 object skipped.\n"
    )
    exported = json.loads(run("exportconfig").out)
    for given in objects_of(files[1]):
        assert_held(exported, *given)


@pytest.mark.parametrize("name", ["hosts", "applications", "multiple-objects", "places"])
def test_an_import_is_one_transaction_with_one_change_an_object(
    run: Any, verify_change: Any, name: str
) -> None:
    with verify_change() as transactions:
        run("importconfig", data(name))
    assert len(transactions) == 1


def test_objects_are_created_in_the_order_in_which_they_need_each_other(run: Any) -> None:
    assert run("importconfig", data("multiple-objects")).out == MULTIPLE


def test_several_files_are_imported_together(run: Any) -> None:
    ended = run("importconfig", data("dns"), data("dn-dependencies"))
    assert [line.split()[0:2] for line in ended.out.splitlines()[:-1]] == [
        ["+", "physicalswitch"],
        ["+", "switch"],
        ["+", "dn"],
    ]


@pytest.mark.parametrize(
    ("name", "label", "properties"),
    [
        ("applications", "application [cfgObjectTest]", "appPrototype autoRestart redundancyType"),
        ("hosts", "host [cfgObjectTest]", "lcaPort osInfo type"),
        ("persons", "person [Environment/emptyCfgObjectTest]", "userName"),
    ],
)
def test_missing_properties_are_listed_and_nothing_is_imported(
    run: Any, verify_change: Any, name: str, label: str, properties: str
) -> None:
    with verify_change() as transactions:
        ended = run("importconfig", data("skills"), data(f"{name}-invalid"))
    lines = [f"    - {name}" for name in properties.split()]
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines() == [
        "Validation failed.", "Missing properties:", f"  - {label}:", *lines
    ]  # fmt: skip
    assert transactions == []


def test_what_cannot_change_is_listed(run: Any) -> None:
    run("importconfig", data("hosts"))
    ended = run("importconfig", data("hosts-unchangeable"))
    assert ended.code == 1
    assert ended.err == (
        "Validation failed.\nUnchangeable properties:\n  - host [cfgObjectTest]:\n    - type\n"
    )


def test_validation_alone_writes_nothing(run: Any, verify_change: Any) -> None:
    with verify_change() as transactions:
        ended = run("importconfig", data("valid"), validate=True)
    assert (ended.code, ended.out, transactions) == (0, "Validation succeeded.\n", [])


def test_what_a_strict_server_would_refuse_is_a_warning(run: Any) -> None:
    err = run("importconfig", data("applications")).err
    assert "Warning: application [cfgObjectTest]: port number 8889 is given twice" in err
    assert "Warning: application [cfgObjectTest]: connProtocol is no connection protocol" in err
    assert "a server of a pair needs redundancy type Warm Standby" in err


def test_passwords_are_not_stored(run: Any) -> None:
    from proxyapp.models import Credential, Person

    run("importconfig", data("persons"))
    person = Person.objects.get(employee_id="cfgObjectTest")
    assert not Credential.objects.filter(person=person).exists()


# ---------------------------------------------------------------- dependencies and cycles


def test_the_findings_come_in_their_order(run: Any, tmp_path: Path) -> None:
    run("importconfig", data("switch-dependencies"))
    path = write(
        tmp_path / "wrong.json",
        switches=[{"name": "S", "tenant": "Environment"}],
        tenants=[
            {"name": "T1", "defaultCapacityRule": "R1"},
            {"name": "T2", "defaultCapacityRule": "R2"},
        ],
        physicalSwitches=[{"name": "physSwitchForSwitch", "type": "madge"}],
    )
    assert run("importconfig", path).err == (
        "Validation failed.\n"
        "Missing properties:\n"
        "  - switch [Environment/S]:\n"
        "    - physicalSwitch\n"
        "Missing dependencies:\n"
        "  - tenant [T1]:\n"
        "    - script [T1/R1]\n"
        "  - tenant [T2]:\n"
        "    - script [T2/R2]\n"
        "Unchangeable properties:\n"
        "  - physicalswitch [physSwitchForSwitch]:\n"
        "    - type\n"
    )


def test_an_object_of_a_cycle_is_created_and_updated_when_the_rest_is_there(
    run: Any, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "cycle.json",
        physicalSwitches=[{"name": "P", "type": "fujitsu"}],
        scripts=[{"name": "Rule", "tenant": "T", "type": "capacityrule"}],
        tenants=[{"name": "T", "serviceProvider": True, "defaultCapacityRule": "Rule"}],
    )
    ended = run("importconfig", path)
    assert (ended.err, ended.out) == (
        "",
        "+ physicalswitch [P]\n"
        "+ tenant [T]\n"
        "+ script [T/Rule]\n"
        "~ tenant [T]\n"
        "Completed. 3 objects created. 1 object updated. 0 object skipped.\n",
    )
    assert "Completed. 0 object created. 0 object updated. 3 objects skipped." in (
        run("importconfig", path).out
    )


def test_hosts_and_servers_that_need_each_other_arrive_whole(run: Any, tmp_path: Path) -> None:
    path = write(
        tmp_path / "cycle.json",
        appPrototypes=[{"name": "SCS", "type": "scs", "version": "8.0"}],
        applications=[
            {
                "name": f"scs{n}", "appPrototype": "SCS", "autoRestart": False,
                "redundancyType": "htcoldstanby", "commandLine": "scs", "workDirectory": "/",
                "serverInfo": {"host": f"h{n}", "attempts": 1, "timeout": 10},
            }
            for n in (1, 2)
        ],
        hosts=[
            {
                "name": f"h{n}", "scs": f"scs{3 - n}", "type": "networkserver", "lcaPort": "4999",
                "osInfo": {"type": "windowsserver2008", "version": "8"},
            }
            for n in (1, 2)
        ],
    )  # fmt: skip
    out = run("importconfig", path).out
    assert "Completed. 5 objects created. 4 objects updated. 0 object skipped." in out
    exported = json.loads(run("exportconfig").out)
    for given in objects_of(path):
        assert_held(exported, *given)


def test_a_new_tenant_comes_with_the_folders_that_its_objects_lie_in(
    run: Any, tmp_path: Path
) -> None:
    owner = {"name": "T", "type": "tenant"}
    path = write(
        tmp_path / "tenant.json",
        tenants=[{"name": "T"}],
        skills=[
            {
                "name": "S", "tenant": "T",
                "folder": {"owner": owner, "path": ["Skills"], "type": "skill"},
            }
        ],
    )  # fmt: skip
    assert run("importconfig", path).code == 0
    exported = json.loads(run("exportconfig").out)
    for given in objects_of(path):
        assert_held(exported, *given)


# ---------------------------------------------------------------- bad files

HEAD = '{"__metadata__": {"formatName": "JSON", "formatVersion": "1.0.0"}'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON: line 1, column 2"),
        ("[]", "holds no JSON object"),
        ("{}", "is no environment file: __metadata__.formatName is not JSON"),
        ('{"__metadata__": {"formatName": "JSON", "formatVersion": "2.0"}}', "formatVersion 2.0"),
        (HEAD + ', "gadgets": []}', "there is no object type gadgets"),
        (HEAD + ', "hosts": {}}', "hosts is no list"),
        (HEAD + ', "hosts": [1]}', "hosts[0] is no JSON object"),
        (HEAD + ', "hosts": [{}]}', "hosts[0]: name is missing"),
        (HEAD + ', "hosts": [{"name": "a", "name": "b"}]}', "property name is given twice"),
        (HEAD + ', "hosts": [{"name": 1}]}', "hosts[0].name is no text"),
        (HEAD + ', "hosts": [{"name": "a", "osInfo": {"type": "dos"}}]}', "hosts[0].osInfo.type"),
        (HEAD + ', "hosts": [{"name": "a"}, {"name": "A"}]}', "hosts[1]: host [A] is given by"),
        (HEAD + ', "hosts": [{"name": "a\\u0000"}]}', "hosts[0].name holds a NUL character"),
        (HEAD + ', "hosts": [{"name": "\\ud800"}]}', "hosts[0].name holds half a character"),
        (HEAD + ', "skills": [{"name": "a"}]}', "skills[0]: tenant is missing"),
        (HEAD + ', "applications": [{"name": "a", "startupTimeout": 1.5}]}', "no whole number"),
        (HEAD + ', "applications": [{"name": "a", "startupTimeout": NaN}]}', "NaN is no number"),
        (HEAD + ', "hosts": [{"name": "a", "x": ' + "[" * 100_000 + "]" * 100_000 + "}]}", "deep"),
        (HEAD + ', "hosts": [{"name": "a", "userProperties": {"s": {"o": null}}}]}', ".s.o is"),
        (HEAD + ', "folders": [{"name": "a", "type": "person"}]}', "a folder needs name, type"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_in_one_line_that_says_where(
    run: Any, verify_change: Any, tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content)
    with verify_change() as transactions:
        ended = run("importconfig", data("skills"), path)
    assert (ended.code, ended.out, transactions) == (1, "", [])
    assert str(path) in ended.err
    assert message in ended.err
    assert ended.err.count("\n") == 1


def test_files_that_cannot_be_read_are_named(run: Any, tmp_path: Path) -> None:
    (tmp_path / "latin.json").write_bytes(b'{"\xe9": 1}')
    assert run("importconfig", tmp_path / "none.json").err == (
        f"{tmp_path / 'none.json'}: No such file or directory\n"
    )
    assert "is no UTF-8 text: byte 2" in run("importconfig", tmp_path / "latin.json").err


def test_what_the_server_refuses_is_told_with_its_place(
    run: Any, verify_change: Any, tmp_path: Path
) -> None:
    path = write(tmp_path / "long.json", skills=[{"name": "x" * 300, "tenant": "Environment"}])
    with verify_change() as transactions:
        ended = run("importconfig", data("hosts"), path)
    assert (ended.code, ended.out, transactions) == (1, "", [])
    assert f"{path}: skills[0]:" in ended.err


def test_unknown_properties_are_left_out_with_a_warning(run: Any, tmp_path: Path) -> None:
    path = write(
        tmp_path / "more.json",
        skills=[{"name": "a", "tenant": "Environment", "colour": "red"}],
    )
    ended = run("importconfig", path)
    assert ended.code == 0
    assert ended.err == (
        f"Warning: {path}: skills[0]: there is no property colour here, so it is left out\n"
    )


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("importconfig", [data("hosts")]), ("exportconfig", []), ("generateenv", ["--agents", "1"])],
)
def test_an_empty_database_is_told_in_one_line(
    server_environment: dict[str, str], name: str, arguments: list[Any]
) -> None:
    ended = subprocess.run(
        [sys.executable, DATA.parents[2] / "manage.py", name, *arguments],
        env=server_environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "did manage.py migrate run?" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_secret_is_given_in_a_file_and_leaves_as_an_opaque_text(run: Any, tmp_path: Path) -> None:
    annex = {"db": {"password": {"secret": "geheim-9731"}}}
    skill = {"name": "a", "tenant": "Environment", "userProperties": annex}
    path = write(tmp_path / "in.json", skills=[skill])
    assert run("importconfig", path).code == 0
    out = tmp_path / "out.json"
    run("exportconfig", "--types", "skills", "--output", out)
    assert "secret:1:" in out.read_text()
    assert "9731" not in out.read_text()
    assert "= skill [Environment/a]" in run("importconfig", out).out, "it comes back unchanged"

    content = out.read_text().replace('"a"', '"b"')
    (tmp_path / "moved.json").write_text(content)
    assert "give it anew" in run("importconfig", tmp_path / "moved.json").err
    wrong = {**skill, "userProperties": {"db": {"password": {"secret": ["9731"]}}}}
    ended = run("importconfig", write(tmp_path / "wrong.json", skills=[wrong]))
    assert (ended.code, "9731" in ended.err) == (1, False)

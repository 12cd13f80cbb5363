from __future__ import annotations

import pytest

from proxyapp.engine.data.store import Store
from proxyapp.engine.topology.sitelimit import find, part_of, text_in
from proxyapp.engine.trust.tokens import WHOLE
from tests.proxyapp.engine.bench import environment, record

OWNER = {"objectType": "tenant", "DBID": 1}
TENANT, FOLDER = 7, 22


@pytest.fixture
def store() -> Store:
    made = Store()
    others = [
        record("tenant", 101, name="Köln, Süd"),
        record("tenant", 102, name="North/West"),
        record("folder", 510, 501, name="Inner", type="skill", owner=OWNER),
        record("folder", 511, name="INNER", type="skill",
               owner={"objectType": "tenant", "DBID": 101}),
    ]  # fmt: skip
    for item in [*environment(), *others]:
        made.put(item)
    return made


def keys(store: Store, text: str) -> set[tuple[int, int]]:
    limit = find(store, text).limit
    assert limit is not None
    return set(limit.keys)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tenant:Environment", {(TENANT, 1)}),
        ("tenant:101", {(TENANT, 101)}),
        ("tenant:North/West", {(TENANT, 102)}),
        (" Folder : environment / SKILLS ", {(FOLDER, 501)}),
        ("folder:Environment/Skills/Inner", {(FOLDER, 502), (FOLDER, 510)}),
        ("folder:503,, tenant:101,", {(FOLDER, 503), (TENANT, 101)}),
    ],
)
def test_what_is_named_is_found_whatever_its_case(store, text, found):
    assert keys(store, text) == found
    assert find(store, text).complaints == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("folder:Environment/Inner", "there is no folder 'Environment/Inner'"),
        ("folder:Skills", "there is no folder 'Skills'"),
        ("folder:Skills/Inner", "there is no folder 'Skills/Inner'"),
        ("folder:Nobody/Skills/Inner", "there is no folder 'Nobody/Skills/Inner'"),
        ("folder:Environment//Inner", "there is no folder 'Environment//Inner'"),
        ("tenant:Köln, Süd", "there is no tenant 'Köln'"),
        ("tenant:", "'tenant:' is neither tenant:NAME nor folder:TENANT/FOLDER"),
        ("switch:1", "'switch:1' is neither tenant:NAME nor folder:TENANT/FOLDER"),
        ("Environment", "'Environment' is neither tenant:NAME nor folder:TENANT/FOLDER"),
        ("folder:9" + "9" * 30, "there is no folder '9" + "9" * 30 + "'"),
        ("folder:٥٠١", "there is no folder '٥٠١'"),
        (",", "it names nothing"),
    ],
)
def test_what_names_nothing_is_said_and_shows_nothing(store, text, complaint):
    assert keys(store, text) == set()
    assert find(store, text).complaints[0] == complaint


def test_a_dbid_counts_before_its_object_is_there(store):
    found = find(store, "folder:777")
    assert keys(store, "folder:777") == {(FOLDER, 777)}
    assert found.complaints == ("there is no folder '777'",)


def test_without_a_text_nothing_is_limited(store):
    assert find(store, "").limit is None


def test_the_part_is_the_same_however_it_is_written(store):
    assert part_of("") == WHOLE
    assert part_of("tenant:A,folder:1") == part_of(" folder:1, Tenant:a,")
    assert len({part_of(text) for text in ("tenant:A", "tenant:B", ",", "")}) == 4


def test_the_text_is_the_option_of_a_proxy():
    body = bytes(record("application", 110, options={"csproxy": {"site-limit": " tenant:1 "}}).body)
    assert text_in(body) == "tenant:1"
    assert text_in(bytes(record("application", 110, options={"csproxy": {"x": 1}}).body)) == ""
    assert text_in(bytes(record("application", 110, name='"site-limit"').body)) == ""
    number = record("application", 110, options={"csproxy": {"site-limit": 5}})
    assert text_in(bytes(number.body)) == "5"

"""Deltas lead from any document to any other, and say what was there before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confwire.delta import apply, canonical, diff, former
from confwire.errors import InvalidParameter
from confwire.objects import BY_NAME, OBJECTS, Field, Kind, ObjectInfo

NAMES = st.sampled_from(["a", "b", "ж", "名", ""])
DBIDS = st.integers(0, 5)
IDENTITY = st.fixed_dictionaries(
    {"objectType": st.sampled_from(["person", "application"]), "DBID": DBIDS}
)
VALUES = st.dictionaries(NAMES, st.one_of(NAMES, st.integers(-2, 2)), max_size=3)


def values_of(item: Field) -> st.SearchStrategy[Any]:
    match item.kind:
        case Kind.INTEGER:
            return st.integers(-3, 3)
        case Kind.BOOLEAN:
            return st.booleans()
        case Kind.OPTIONS:
            return st.dictionaries(NAMES, VALUES, max_size=3)
        case Kind.MAP:
            return st.dictionaries(NAMES, NAMES, max_size=3)
        case Kind.REFERENCE:
            return DBIDS
        case Kind.REFERENCES:
            return st.lists(DBIDS, max_size=4)
        case Kind.IDENTITY:
            return IDENTITY
        case Kind.IDENTITIES:
            return st.lists(IDENTITY, max_size=4)
        case Kind.STRUCT:
            return mappings_of(item.fields)
        case Kind.STRUCTS:
            return st.lists(mappings_of(item.fields), max_size=3)
        case _:
            return NAMES


def mappings_of(fields: tuple[Field, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={item.name: values_of(item) for item in fields})


@st.composite
def two_documents(draw: st.DrawFn) -> tuple[ObjectInfo, dict[str, Any], dict[str, Any]]:
    info = OBJECTS[draw(st.sampled_from([BY_NAME[n].type for n in RICH]))]
    documents = mappings_of(info.fields)
    return info, canonical(info, draw(documents)), canonical(info, draw(documents))


RICH = ["application", "person", "dn", "accessGroup", "folder", "actionCode", "dnGroup", "script"]


@settings(max_examples=60, deadline=None)
@given(two_documents())
def test_a_difference_applied_gives_the_new_document(
    pair: tuple[ObjectInfo, dict[str, Any], dict[str, Any]],
) -> None:
    info, old, new = pair
    delta = diff(info, old, new)
    assert apply(info, old, delta) == new
    assert (delta == {}) == (old == new)


@settings(max_examples=60, deadline=None)
@given(two_documents())
def test_canonical_documents_stay_as_they_are(
    pair: tuple[ObjectInfo, dict[str, Any], dict[str, Any]],
) -> None:
    info, old, _ = pair
    assert list(canonical(info, old).items()) == list(old.items())


@settings(max_examples=60, deadline=None)
@given(two_documents())
def test_former_values_name_what_the_delta_names(
    pair: tuple[ObjectInfo, dict[str, Any], dict[str, Any]],
) -> None:
    info, old, new = pair
    delta = diff(info, old, new)
    before = former(info, old, delta)
    assert before.keys() == delta.keys()
    for item in info.fields:
        if item.name in delta and item.kind in (Kind.STRING, Kind.INTEGER, Kind.REFERENCES):
            assert before[item.name] == old.get(item.name)


def test_options_merge_and_null_deletes() -> None:
    info = BY_NAME["application"]
    old = {"DBID": 1, "options": {"log": {"all": "stdout", "verbose": "all"}, "x": {"y": 1}}}
    delta = {"options": {"log": {"verbose": None, "debug": "stderr"}, "x": None}}
    new = apply(info, old, delta)
    assert new["options"] == {"log": {"all": "stdout", "debug": "stderr"}}
    assert former(info, old, delta) == {
        "options": {"log": {"verbose": "all", "debug": None}, "x": {"y": 1}}
    }


def test_ports_are_put_by_their_id() -> None:
    info = BY_NAME["application"]
    old = {"portInfos": [{"id": "default", "port": "2020"}, {"id": "sync", "port": "2021"}]}
    delta = {"portInfos": {"put": [{"id": "gui", "port": "2022"}], "remove": ["sync"]}}
    assert apply(info, old, delta)["portInfos"] == [
        {"id": "default", "port": "2020"},
        {"id": "gui", "port": "2022"},
    ]
    assert former(info, old, delta)["portInfos"] == [{"id": "sync", "port": "2021"}]


@pytest.mark.parametrize(
    "delta",
    [
        {"nonsense": 1},
        {"options": 5},
        {"options": {"log": 5}},
        {"tenantDBIDs": [1]},
        {"tenantDBIDs": {"add": 1}},
        {"tenantDBIDs": {"add": ["x"]}},
        {"portInfos": {"put": [{"port": "1"}]}},
        {"portInfos": {"put": [5]}},
        {"portInfos": {"remove": [[]]}},
        {"serverInfo": "x"},
        {"serverInfo": {"nonsense": 1}},
    ],
)
def test_a_delta_of_wrong_form_is_refused(delta: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter):
        apply(BY_NAME["application"], {"DBID": 1}, delta)


def test_members_need_type_and_dbid() -> None:
    with pytest.raises(InvalidParameter):
        apply(BY_NAME["accessGroup"], {}, {"members": {"add": [{"objectType": "person"}]}})

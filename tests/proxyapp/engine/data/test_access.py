from __future__ import annotations

import pytest

from proxyapp.engine.data.access import Access, ServerProfile
from proxyapp.engine.data.limits import Limit
from proxyapp.engine.data.rights import EXECUTE, READ
from proxyapp.engine.data.store import Store
from tests.proxyapp.engine.bench import gone, record


class World:
    """A store and its access, changed together."""

    def __init__(self) -> None:
        self.store = Store()
        self.access = Access(self.store)

    def put(self, item) -> None:
        self.access.take(*self.store.put(item))


def group(dbid: int, *members: tuple[str, int], **more) -> object:
    named = [{"objectType": kind, "DBID": number} for kind, number in members]
    return record("accessGroup", dbid, name=f"G{dbid}", members=named, **more)


@pytest.fixture
def world() -> World:
    made = World()
    made.put(group(1, ("person", 7)))
    made.put(group(2, ("accessGroup", 1)))
    made.put(group(3, ("accessGroup", 2), ("accessGroup", 3), ("accessGroup", 4)))
    made.put(group(4, ("accessGroup", 3)))
    return made


def test_groups_are_members_of_groups_even_in_circles(world):
    assert world.access.groups_of(7) == {1, 2, 3, 4}
    assert world.access.groups_of(8) == set()


def test_a_membership_that_ends_ends_what_follows_from_it(world):
    world.put(group(2))
    assert world.access.groups_of(7) == {1}
    world.put(group(2, ("accessGroup", 1)))
    world.put(gone("accessGroup", 1))
    assert world.access.groups_of(7) == set()


def test_a_disabled_group_gives_nothing(world):
    world.put(group(1, ("person", 7), state="disabled"))
    assert 1 not in world.access.groups_of(7)


def test_everyone_is_in_the_group_everyone_while_it_is_enabled(world):
    world.put(group(5, type="everyone"))
    world.put(group(6, ("accessGroup", 5)))
    assert world.access.groups_of(99) == {5, 6}
    world.put(group(5, type="everyone", state="disabled"))
    assert world.access.groups_of(99) == set()
    world.put(group(5, type="everyone"))
    world.put(gone("accessGroup", 5))
    assert world.access.groups_of(99) == set()


def test_a_person_has_the_union_over_itself_and_its_groups(world):
    world.put(record("skill", 9, name="s", acl=[(3, 7, 1), (21, 3, 4), (21, 99, 16)]))
    node = world.store.get(13, 9).node
    assert world.access.profile_of(7).mask(node) == 5
    assert world.access.profile_of(8).mask(node) == 0
    assert world.access.profile_of(7).may_read(world.store.get(13, 9))


def test_those_whom_the_grants_do_not_tell_apart_share_a_profile(world):
    world.put(group(1, ("person", 7), ("person", 8)))
    assert world.access.profile_of(7) is world.access.profile_of(8)
    world.put(record("skill", 9, name="s", acl=[(3, 7, 1)]))
    assert world.access.profile_of(7) is not world.access.profile_of(8)


def test_masks_are_remembered_until_they_are_forgotten(world):
    profile = world.access.profile_of(7)
    world.put(record("skill", 9, name="s", acl=[(3, 7, 1)]))
    profile = world.access.profile_of(7)
    row = world.store.get(13, 9)
    assert profile.may_read(row)
    world.put(record("skill", 9, name="s", acl=[(3, 7, 4)]))
    assert profile.may_read(world.store.get(13, 9))  # nobody has told it
    world.access.forget()
    assert not profile.may_read(world.store.get(13, 9))


def test_profiles_that_nobody_uses_are_let_go(world):
    world.put(record("skill", 9, name="s", acl=[(3, 7, 1)]))
    used, unused = world.access.profile_of(7), world.access.profile_of(8)
    world.access.prune({used})
    assert world.access.profiles() == [used]
    assert world.access.profile_of(8) is not unused


def test_a_server_sees_all(world):
    world.put(record("skill", 9, name="s"))
    assert ServerProfile().may_read(world.store.get(13, 9))


def test_changes_of_other_objects_are_none_of_it(world):
    world.put(record("skill", 1, name="s", members=[{"objectType": "person", "DBID": 8}]))
    world.access.take(None, None)
    assert world.access.groups_of(8) == set()


def test_who_administers_is_in_the_group_of_super_administrators_or_in_one_in_it(world):
    world.put(group(5, ("accessGroup", 1), type="superadministrators"))
    world.put(group(6, ("person", 8), type="administrators"))
    assert [world.access.administers(person) for person in (7, 8, 9)] == [True, False, False]
    world.put(group(5, ("accessGroup", 1), type="superadministrators", state="disabled"))
    assert not world.access.administers(7)


def test_a_limit_takes_rights_away_where_it_does_not_reach(world):
    world.put(record("folder", 501, acl=[(3, 7, READ | EXECUTE)]))
    world.put(record("folder", 502, acl=[(3, 7, READ | EXECUTE)]))
    for dbid in (501, 502):
        world.put(record("skill", dbid + 100, dbid))
    inside, outside = (world.store.get(13, dbid).node for dbid in (601, 602))
    before = world.access.profile_of(7)
    assert before.whole is before
    world.access.limit_to(Limit(frozenset({(22, 501)})))
    profile = world.access.profile_of(7)
    assert profile is before, "who has it from before is limited at once"
    assert [p.mask(outside) for p in (profile, profile.whole)] == [0, READ | EXECUTE]
    assert profile.mask(inside) == READ | EXECUTE
    world.put(record("folder", 502, acl=[(3, 7, READ)]))
    world.access.forget()
    assert profile.whole.mask(outside) == READ
    assert world.access.profile_of(7) is profile
    world.access.limit_to(None)
    assert world.access.profile_of(7).mask(outside) == READ


def test_the_limit_of_a_server_is_none_of_its_links(world):
    world.access.limit_to(Limit(frozenset()))
    world.put(record("skill", 601))
    assert ServerProfile().may_read(world.store.get(13, 601))

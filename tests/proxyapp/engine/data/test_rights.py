from __future__ import annotations

from itertools import permutations, product

from proxyapp.engine.data.rights import NO_PROPAGATE, READ, RightsTree
from tests.proxyapp.engine.bench import T

FOLDER, SKILL = T["folder"], T["skill"]
ANN, BOB = (3, 1), (3, 2)
TOP = (FOLDER, 0)


def tree() -> RightsTree:
    """Folders 1 > 2 > 3, ann may read in 1."""
    made = RightsTree()
    made.place(FOLDER, 1, TOP, [(*ANN, READ)])
    made.place(FOLDER, 2, (FOLDER, 1), [])
    made.place(FOLDER, 3, (FOLDER, 2), [])
    return made


def test_a_grant_holds_for_all_that_lies_below():
    node = tree().place(SKILL, 9, (FOLDER, 3), [])
    assert (node.nearest(ANN), node.nearest(BOB)) == (READ, 0)


def test_the_nearest_grant_counts_for_each_subject():
    rights = tree()
    rights.place(FOLDER, 2, (FOLDER, 1), [(*ANN, 0), (*BOB, 4)])
    node = rights.place(SKILL, 9, (FOLDER, 3), [(*BOB, READ)])
    assert (node.nearest(ANN), node.nearest(BOB)) == (0, READ)


def test_a_grant_that_does_not_propagate_binds_the_object_alone():
    rights = tree()
    own = rights.place(FOLDER, 2, (FOLDER, 1), [(*ANN, NO_PROPAGATE), (*BOB, READ | NO_PROPAGATE)])
    assert own.nearest(ANN) == NO_PROPAGATE
    assert own.nearest(BOB) & READ
    inside = rights.place(SKILL, 9, (FOLDER, 2), [])
    assert (inside.nearest(ANN), inside.nearest(BOB)) == (READ, 0)


def test_objects_without_grants_share_the_node_of_their_place():
    rights = tree()
    first, second = (rights.place(SKILL, n, (FOLDER, 3), []) for n in (8, 9))
    assert first is second
    assert rights.place(SKILL, 9, (FOLDER, 3), [(*BOB, 1)]) is not first
    assert rights.place(SKILL, 9, (FOLDER, 3), []) is first


def test_a_moved_folder_takes_its_contents_along():
    rights = tree()
    node = rights.place(SKILL, 9, (FOLDER, 3), [])
    rights.place(FOLDER, 2, TOP, [])
    assert node.nearest(ANN) == 0
    rights.place(FOLDER, 2, (FOLDER, 1), [])
    assert node.nearest(ANN) == READ


def test_folders_change_places_whichever_comes_first():
    for order in ((1, 3), (3, 1)):
        rights = tree()
        inside = rights.place(SKILL, 9, (FOLDER, 1), [])
        for dbid in order:
            place, acl = ((FOLDER, 3), []) if dbid == 1 else (TOP, [(*BOB, READ)])
            rights.place(FOLDER, dbid, place, acl)
        assert (inside.nearest(ANN), inside.nearest(BOB)) == (0, READ)
        assert rights.contents((FOLDER, 1)).is_below(rights.contents((FOLDER, 3)))


def arrangements() -> list[tuple[int, ...]]:
    """Return all ways in which three folders can lie in each other: the parents of 1, 2 and 3."""

    def is_sound(parents: tuple[int, ...]) -> bool:
        ways = [[folder] for folder in (1, 2, 3)]
        for way in ways:
            while way[-1] and len(way) < 5:
                way.append(parents[way[-1] - 1])
        return not any(way[-1] for way in ways)

    return [parents for parents in product(range(4), repeat=3) if is_sound(parents)]


def test_folders_may_change_places_in_any_order():
    for before, after in product(arrangements(), repeat=2):
        moved = [folder for folder in (1, 2, 3) if before[folder - 1] != after[folder - 1]]
        for order in permutations(moved):
            rights = RightsTree()
            for folder, parent in enumerate(before, 1):
                rights.place(FOLDER, folder, (FOLDER, parent), [])
            for folder in order:
                rights.place(FOLDER, folder, (FOLDER, after[folder - 1]), [])
            found = [rights.contents((FOLDER, folder)).parent for folder in (1, 2, 3)]
            assert found == [rights.contents((FOLDER, parent)) for parent in after], order


def test_a_folder_in_itself_is_no_hang():
    rights = tree()
    rights.place(FOLDER, 1, (FOLDER, 1), [(*ANN, READ)])
    assert rights.contents((FOLDER, 3)).nearest(BOB) == 0
    assert rights.contents((FOLDER, 3)).nearest(ANN) == READ


def test_what_is_gone_grants_nothing_more():
    rights = tree()
    node = rights.place(SKILL, 9, (FOLDER, 3), [(*BOB, READ)])
    rights.remove((SKILL, 9))
    assert rights.own((SKILL, 9)) is None
    rights.remove((FOLDER, 1))
    assert rights.contents((FOLDER, 3)).nearest(ANN) == 0
    assert node.object == (SKILL, 9)
    assert rights.subjects == {}


def test_subjects_are_counted_by_the_grants_that_name_them():
    rights = tree()
    rights.place(SKILL, 9, (FOLDER, 3), [(*ANN, 1), (*BOB, 1)])
    assert rights.subjects == {ANN: 2, BOB: 1}
    rights.place(SKILL, 9, (FOLDER, 3), [(*BOB, 1)])
    rights.place(FOLDER, 1, TOP, [])
    assert rights.subjects == {BOB: 1}


def test_a_change_affects_the_object_and_all_below_it():
    rights = tree()
    own = rights.place(SKILL, 9, (FOLDER, 3), [(*BOB, 1)])
    found = rights.affected_by([(FOLDER, 2)])
    assert found == {rights.contents((FOLDER, 2)), rights.contents((FOLDER, 3)), own}
    assert rights.affected_by([(SKILL, 9)]) == {own}
    assert rights.affected_by([(SKILL, 77)]) == set()
    assert set(rights.nodes()) > found

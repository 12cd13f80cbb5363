"""Where rights come from: the tree of places that objects hang on, and the grants at each.

A node stands for the contents of one container (folder, tenant, switch …) or for one object
with grants of its own. Rows share nodes, so a grant on a folder of a million objects changes
one node. Knows no accounts and no store; `access` says what a node means to a reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

READ, CREATE, CHANGE, EXECUTE = 1, 2, 4, 8
DELETE, READ_PERMISSIONS, CHANGE_PERMISSIONS, NO_PROPAGATE = 16, 32, 64, 128

Subject = tuple[int, int]
"""(object type, DBID) of a person or an access group."""

Key = tuple[int, int]
"""(object type, DBID) of an object."""

Grant = tuple[int, int, int]
"""(subject's type, subject's DBID, mask)."""

CONTAINERS = frozenset({7, 22, 1, 33, 35})
"""Types that hold others from the start: tenant, folder, switch, IVR, business attribute."""


class RightsNode:
    """One place: its own grants by subject, and the place above."""

    __slots__ = ("children", "container", "grants", "object", "parent")

    def __init__(self, container: Key, object_: Key | None = None) -> None:
        self.container = container
        """Whose contents these are; for an object's own node, the container that it lies in."""
        self.object = object_
        """The object, when the node is that of one object with grants of its own."""
        self.parent: RightsNode | None = None
        self.grants: dict[Subject, int] = {}
        self.children: set[RightsNode] = set()

    def __repr__(self) -> str:
        return f"<RightsNode {self.container} {self.grants}>"

    def attach(self, parent: RightsNode | None) -> None:
        """Hang the node below another one."""
        if self.parent is not parent:
            if self.parent is not None:
                self.parent.children.discard(self)
            if parent is not None:
                parent.children.add(self)
            self.parent = parent

    def nearest(self, subject: Subject) -> int:
        """Return the mask of the nearest grant to the subject, from here upwards; 0 for none."""
        node: RightsNode | None = self
        while node is not None:
            mask = node.grants.get(subject)
            if mask is not None:
                return mask
            node = node.parent
        return 0

    def subtree(self) -> Iterator[RightsNode]:
        """Yield this node and all below it."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(node.children)

    def is_below(self, other: RightsNode) -> bool:
        node: RightsNode | None = self
        while node is not None and node is not other:
            node = node.parent
        return node is other


class RightsTree:
    """All nodes of a store, found by container or by object."""

    def __init__(self) -> None:
        self._contents: dict[Key, RightsNode] = {}
        self._own: dict[Key, RightsNode] = {}
        # Invariant: empty between transactions, unless folders lie in a circle.
        self._waiting: dict[RightsNode, RightsNode] = {}
        """Contents whose place lies below themselves for now, since others have still to move."""
        self.subjects: dict[Subject, int] = {}
        """How many grants name the subject; one that none names tells no readers apart."""
        self.version = 0
        """Grows when `subjects` has others than before."""
        self._apart: set[Key] = set()
        """Objects that have nodes of their own also without grants."""

    def __len__(self) -> int:
        return len(self._contents) + len(self._own)

    def set_apart(self, key: Key) -> bool:
        """Tell an object from its neighbours for good, by a node of its own.

        Return whether it may need one now: then put it at its place again.
        """
        self._apart.add(key)
        return key not in self._own

    def contents(self, container: Key) -> RightsNode:
        """Return the node of what lies in the container, making it on first mention."""
        node = self._contents.get(container)
        if node is None:
            node = self._contents[container] = RightsNode(container)
        return node

    def known_contents(self, container: Key) -> RightsNode | None:
        """Return the node of what lies in the container, None where nothing was ever said of it."""
        return self._contents.get(container)

    def has_contents(self, key: Key) -> bool:
        """Whether something lies, or lay, in the object."""
        return key in self._contents

    def own(self, key: Key) -> RightsNode | None:
        """Return the node of an object with grants of its own."""
        return self._own.get(key)

    def place(self, type_: int, dbid: int, place: Key, acl: Iterable[Grant]) -> RightsNode:
        """Put an object at its place with its grants; return the node that governs it.

        A grant with NO_PROPAGATE binds the object itself and not what lies in it.
        """
        key = (type_, dbid)
        above = self.contents(place)
        grants = {(kind, subject): mask for kind, subject, mask in acl}
        node = self._place_own(key, place, above, grants, key in self._apart)
        contents = self._contents.get(key)
        if contents is None and type_ not in CONTAINERS:
            return node
        contents = contents or self.contents(key)
        self._hang(contents, above)
        contents.grants = {s: mask for s, mask in grants.items() if not mask & NO_PROPAGATE}
        return node

    def remove(self, key: Key) -> None:
        """Forget an object that is gone; what lies in it, if anything, grants nothing more."""
        self._place_own(key, (0, 0), self.contents((0, 0)), {}, apart=False)
        contents = self._contents.get(key)
        if contents is not None:
            self._hang(contents, None)
            contents.grants = {}
            if not contents.children:
                del self._contents[key]

    def _hang(self, contents: RightsNode, above: RightsNode | None) -> None:
        """Hang contents below their place, as soon as that does not lie below them.

        Where folders change places, one may come before another that is still above it.
        """
        contents.attach(None)
        self._waiting.pop(contents, None)
        if above is not None:
            self._waiting[contents] = above
        while (node := self._next_free()) is not None:
            node.attach(self._waiting.pop(node))

    def _next_free(self) -> RightsNode | None:
        waiting = self._waiting.items()
        return next((node for node, place in waiting if not place.is_below(node)), None)

    def nodes(self) -> Iterator[RightsNode]:
        """Yield every node."""
        yield from self._contents.values()
        yield from self._own.values()

    def _place_own(
        self, key: Key, place: Key, above: RightsNode, grants: dict[Subject, int], apart: bool
    ) -> RightsNode:
        node = self._own.get(key)
        for subject in node.grants if node is not None else ():
            self.subjects[subject] -= 1
            if not self.subjects[subject]:
                del self.subjects[subject]
                self.version += 1
        for subject in grants:
            before = self.subjects.get(subject, 0)
            self.subjects[subject] = before + 1
            self.version += not before
        if not grants and not apart:
            if node is not None:
                node.attach(None)
                del self._own[key]
            return above
        if node is None:
            node = self._own[key] = RightsNode(place, key)
        node.container = place
        node.attach(above)
        node.grants = grants
        return node

    def affected_by(self, keys: Sequence[Key]) -> set[RightsNode]:
        """Return the nodes whose meaning may change when these objects' grants or places do."""
        found: set[RightsNode] = set()
        for key in keys:
            for node in (self._own.get(key), self._contents.get(key)):
                if node is not None:
                    found.update(node.subtree())
        return found

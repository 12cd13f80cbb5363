"""The order of an import's steps: what others refer to comes first, cycles are broken.

An object of a cycle is created without what leads into the cycle, and updated when the rest is
there. Ties keep the order of the files.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from proxyapp.services.environments.errors import FileError
from proxyapp.services.environments.natural_keys import NaturalKey
from proxyapp.services.environments.reading import Entry
from proxyapp.services.environments.steps import Step

Creator = Callable[[NaturalKey], Entry | None]
Graph = list[list[int]]
"""For each step those that wait for it."""


def in_order(steps: list[Step], creator_of: Creator) -> list[Step]:
    """Return the steps in an order in which each finds what it refers to.

    Raises:
        FileError: mandatory references form a cycle.
    """
    graph = _graph_of(steps, creator_of)
    circular = {number for group in _cycles(graph) for number in group}
    if circular:
        steps = _broken(steps, circular, creator_of)
        graph = _graph_of(steps, creator_of)
    order = _sorted(graph)
    if len(order) < len(steps):
        left = [str(steps[n].entry.key) for n in range(len(steps)) if n not in set(order)]
        raise FileError(f"these need each other before they can be made: {', '.join(left[:5])}")
    return [steps[number] for number in order]


def _graph_of(steps: list[Step], creator_of: Creator) -> Graph:
    creating = {id(step.entry): n for n, step in enumerate(steps) if step.action == "+"}
    graph: Graph = [[] for _ in steps]
    for number, step in enumerate(steps):
        needed = {id(creator_of(key)) for key in step.references()}
        if step.action == "~":
            needed.add(id(step.entry))
        for identity in needed & creating.keys():
            graph[creating[identity]].append(number)
    return graph


def _sorted(graph: Graph) -> list[int]:
    """Return the numbers of the steps, first come first served; those in cycles are left out."""
    waiting = [0] * len(graph)
    for followers in graph:
        for number in followers:
            waiting[number] += 1
    ready = deque(number for number, count in enumerate(waiting) if not count)
    order = []
    while ready:
        here = ready.popleft()
        order.append(here)
        for number in sorted(graph[here]):
            waiting[number] -= 1
            if not waiting[number]:
                ready.append(number)
    return order


# ---------------------------------------------------------------- cycles


def _broken(steps: list[Step], circular: set[int], creator_of: Creator) -> list[Step]:
    inside = {id(steps[number].entry) for number in circular}
    kept, first, then = [], [], []
    for number, step in enumerate(steps):
        bare = _bare(step, inside, creator_of) if number in circular else None
        if bare is None:
            kept.append(step)
        else:
            first += [bare]
            then += [replace(step, action="~")]
    return [*kept, *(step for pair in zip(first, then, strict=True) for step in pair)]


def _bare(step: Step, inside: set[int], creator_of: Creator) -> Step | None:
    """Return the step without what leads into the cycle; None when nothing can be left out."""
    info = step.entry.info
    kept = {
        name: value
        for name, value in step.given.items()
        if info.by_name[name].required
        or info.by_name[name].fixed
        or name in info.natural_key
        or not _leads_into(replace(step, given={name: value}), inside, creator_of)
    }
    return replace(step, given=kept) if len(kept) < len(step.given) else None


def _leads_into(step: Step, inside: set[int], creator_of: Creator) -> bool:
    own_folder = step.entry.folder
    keys: Iterable[NaturalKey] = (key for key in step.references() if key is not own_folder)
    return any(id(creator_of(key)) in inside for key in keys)


def _cycles(graph: Graph) -> list[list[int]]:
    """Return the groups of steps that wait for each other (Tarjan), without recursion."""
    found: list[list[int]] = []
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for root in range(len(graph)):
        if root in index:
            continue
        path = [(root, iter(graph[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while path:
            here, followers = path[-1]
            for number in followers:
                if number not in index:
                    index[number] = low[number] = len(index)
                    stack.append(number)
                    on_stack.add(number)
                    path.append((number, iter(graph[number])))
                    break
                if number in on_stack:
                    low[here] = min(low[here], index[number])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[here])
                if low[here] == index[here]:
                    group: list[int] = []
                    while not group or group[-1] != here:
                        group.append(stack.pop())
                        on_stack.discard(group[-1])
                    if len(group) > 1 or here in graph[here]:
                        found.append(group)
    return found

"""The page of rights: the mask, how grants are evaluated, and what each request needs."""

from __future__ import annotations

from collections.abc import Iterator

from confwire.objects import OBJECTS, ObjectType
from generating.tables import codes, table
from proxyapp.engine.data import rights

HEAD = """\
# Rights

What an account may do with an object is a mask, the sum of these:
"""

MASKS = {
    "READ": ("R", "see the object: in reads, lists, searches and notifications"),
    "CREATE": ("C", "create objects in a folder, and move objects into it"),
    "CHANGE": ("H", "change the object's document; with D, move it"),
    "EXECUTE": ("X", "log in with the application"),
    "DELETE": ("D", "delete the object; a folder only with D on all that is in it"),
    "READ_PERMISSIONS": ("E", "see the grants on the object"),
    "CHANGE_PERMISSIONS": ("P", "change the grants on the object"),
    "NO_PROPAGATE": ("N", "no right: the grant is for the object itself, not for what lies in it"),
}

RIGHTS_RULES = """\
Full control is 127, all rights and no N.

## Grants

A **grant** gives a person or an access group a mask on an object. A grant on a container holds for
all that lies in it. Containers are
{containers}.
An object lies in its folder; a folder without a parent folder lies in its owner, which is a tenant,
a switch, an IVR or a business attribute.

1. For each *subject* (person or access group) the **nearest** grant counts: the one on the object
   itself, else on its folder, else on the folder above, and so on up to the tenant and what that
   lies in. A nearer grant replaces a farther one, also when it gives less; mask 0 takes everything
   away.
2. A grant with N is passed over on the way up: what lies in the container gets the next one above.
3. An account has the **union** over itself and all its access groups: groups that it is a member
   of, groups that those are members of, and all groups of type `everyone`. Groups that are disabled
   do not count.
4. Nothing granted is forbidden. There is no account that the rule does not bind on the wire.

Grants bind reads, lists, searches and pushes alike. A grant, a membership or a place that changes
takes effect in the same transaction: see `entered` and `left` in
[the wire protocol](protocol.md#82-kinds-of-change).

## What a request needs

| request | needs |
|---|---|
| log in | X on the Application object |
| `readObjects`, `readBrief`, notifications | R on each object; others are as if not there |
| `createObject` | C on the folder |
| `updateObject` | H on the object; to move it D as well, and C on the new folder |
| `deleteObject` | D on the object and on all that lies in it |
| change grants | P on the object |

A write to an object that the account may not read is refused as `objectNotFound`, to one that it
may read as `noPermission`.

## In the administration

[Let people into the administration](../howto/administration-for-others.md) says who enters. In it
the rights on an object bind as on the wire, those of Super Administrators too: a nearer grant that
gives them less holds there as well.

| page | needs |
|---|---|
| an object, its history, its deletion | R on the object; others are as if not there |
| lists, searches, filters and their counts, look-ups of fields | of all objects those with R |
| the name of an object that another refers to | R on it, else its DBID stands there |
| saving it | H on the object, else it is shown only; to move it D too, and C on the new folder |
| saving a new one | C on the folder; offered where there is such a folder |
| deleting it, also with others | D on each and on all in it; what may not be read is not named |
| enabling, disabling, unlocking several | H on each, or nothing is done |
| the members of an access group | R on the group; to change them H |
| the grants on it, and why somebody has its rights | R and E on the object |
| granting, changing and taking back rights | P on the object; of several, P on each or none |
| the running servers (status, who has what) | to be a Super Administrator |

How lists are filtered is told in [Rights in the administration](../topics/administration.md).
"""


def page() -> Iterator[str]:
    """Yield the lines of rights.md."""
    yield from HEAD.splitlines()
    yield ""
    rows = (
        (letter, str(getattr(rights, name)), meaning) for name, (letter, meaning) in MASKS.items()
    )
    yield from table(("right", "value", "allows to"), rows)
    containers = codes(sorted(OBJECTS[ObjectType(type_)].name for type_ in rights.CONTAINERS))
    yield from RIGHTS_RULES.format(containers=containers).splitlines()

"""Natural keys: what people call an object by, and files refer to it by.

Two keys are equal when they name the same object, whatever the case. Knows no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from confwire.objects import OBJECTS, ObjectType
from proxyapp.models.base import key_of
from proxyapp.services.environments.spelling import short_name

T = ObjectType

Part: TypeAlias = "NaturalKey | str"

_WITHOUT_TENANT = {T.ROLE, T.IVR, T.GVP_CUSTOMER, T.GVP_IVR_PROFILE, T.CALLING_LIST}
"""Types whose labels leave out the tenant though their objects belong to one."""


@dataclass(frozen=True, slots=True, eq=False)
class NaturalKey:
    """The key of one object: its type, and the parts in the order of the type's table.

    A folder's parts are its type, its owner, and the names on the way to it. A DN that is named
    without its name has None instead; see `is_loose`.
    """

    type: ObjectType
    parts: tuple[Part | None, ...]
    identity: tuple[object, ...] = field(init=False)
    """The folded parts: keys of one type are equal by them."""
    _hash: int = field(init=False)  # kept, since keys of keys are looked up again and again

    def __post_init__(self) -> None:
        identity = tuple(_folded(part) for part in self.parts)
        object.__setattr__(self, "identity", identity)
        object.__setattr__(self, "_hash", hash((self.type, identity)))

    def __eq__(self, other: object) -> bool:
        """Whether both name the same object."""
        if not isinstance(other, NaturalKey):
            return NotImplemented
        return self is other or (
            self._hash == other._hash
            and self.type is other.type
            and self.identity == other.identity
        )

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        """Return the label: `switch [Environment/name]`."""
        return f"{short_name(self.type)} [{self.words}]"

    @property
    def is_loose(self) -> bool:
        """Whether it is a DN named without its name, so that any name fits."""
        return self.type is T.DN and self.parts[-1] is None

    @property
    def words(self) -> str:
        """What stands in the label's brackets."""
        if self.type in _LABELS:
            return ", ".join(_LABELS[self.type](self))
        *owners, name = self.parts
        if not owners or self.type in _WITHOUT_TENANT:
            return str(name)
        return "/".join([*(_plain(owner) for owner in owners), str(name)])

    def inner(self) -> Iterator[NaturalKey]:
        """Yield the keys that are parts of this one."""
        for part in self.parts:
            if isinstance(part, NaturalKey):
                yield part


def _folded(part: Part | None) -> object:
    return key_of([part]) if isinstance(part, str) else part


def _plain(part: Part | None) -> str:
    return part.words if isinstance(part, NaturalKey) else str(part)


def tenant_key(name: str) -> NaturalKey:
    """Return the key of a tenant."""
    return NaturalKey(T.TENANT, (name,))


def folder_key(type_: str, owner: NaturalKey, path: Sequence[str]) -> NaturalKey:
    """Return the key of a folder; `type_` is what it holds, in the wire's words."""
    return NaturalKey(T.FOLDER, (type_, owner, *path))


# ---------------------------------------------------------------- labels


def _dn(key: NaturalKey) -> Iterator[str]:
    tenant, switch, number, type_, name = key.parts
    yield f"number: '{number}'"
    yield f"switch: '{_name_of(switch)}'"
    yield f"type: '{type_}'"
    if name is not None and name != "":
        yield f"name: '{name}'"
    yield f"tenant: '{_plain(tenant)}'"


def _typed(key: NaturalKey) -> Iterator[str]:
    tenant, type_, name = key.parts
    yield f"name: '{name}'"
    yield f"type: '{type_}'"
    yield f"tenant: '{_plain(tenant)}'"


def _agent_login(key: NaturalKey) -> Iterator[str]:
    _, switch, code = key.parts
    yield f"loginCode: '{code}'"
    yield f"switch: '{_plain(switch)}'"


def _enumerator_value(key: NaturalKey) -> Iterator[str]:
    enumerator, name = key.parts
    yield f"name: '{name}'"
    yield f"enumerator: '{_plain(enumerator)}'"


def _campaign_group(key: NaturalKey) -> Iterator[str]:
    _, campaign, name = key.parts
    yield f"name: '{name}'"
    yield f"campaign: '{_name_of(campaign)}'"


def _ivr_port(key: NaturalKey) -> Iterator[str]:
    _, ivr, number = key.parts
    yield f"portNumber: '{number}'"
    yield f"ivr: '{_plain(ivr)}'"


def _folder(key: NaturalKey) -> Iterator[str]:
    type_, owner, *path = key.parts
    assert isinstance(owner, NaturalKey), key.parts
    yield f"type: '{str(type_).lower()}'"
    yield f"owner: '{short_name(owner.type)}/{owner.words}'"
    yield f"path: '{'/'.join(str(name) for name in path)}'"


def _name_of(part: Part | None) -> str:
    return str(part.parts[-1]) if isinstance(part, NaturalKey) else str(part)


_LABELS = {
    T.DN: _dn,
    T.ACTION_CODE: _typed,
    T.TRANSACTION: _typed,
    T.AGENT_LOGIN: _agent_login,
    T.ENUMERATOR_VALUE: _enumerator_value,
    T.CAMPAIGN_GROUP: _campaign_group,
    T.IVR_PORT: _ivr_port,
    T.FOLDER: _folder,
}

assert OBJECTS[T.DN].natural_key == ("tenantDBID", "switchDBID", "number", "type", "name")

"""Tenants and folders that a search names: by DBID, by name, or by the end of a folder's path.

Only what the viewer may read is found and suggested; of folders that are gone the name alone is
known.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError

from confwire.objects import ObjectType
from historylog.models import ChangeRecord
from historylog.records import key_of
from proxyapp.admin.naming import paths_of
from proxyapp.models import Folder, Tenant
from proxyapp.services.browsing import Sight
from proxyapp.services.integrity import names_of

_TYPES = {"tenant": int(ObjectType.TENANT), "folder": int(ObjectType.FOLDER)}
_MODELS: dict[str, type[Tenant | Folder]] = {"tenant": Tenant, "folder": Folder}
_SUGGESTED = 200  # places; where there are more, people know what they look for
_TOLD = 5  # places that a name may mean
_SEPARATOR = " / "


class Places:
    """What one viewer may name."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def find(self, kind: str, text: str) -> int:
        """Return the DBID of the tenant or folder that a text names.

        Args:
            kind: "tenant" or "folder".

        Raises:
            ValidationError: there is none, or several; it says how to name them.
        """
        parts = [part.strip() for part in text.split("/")]
        found = self._named(kind, text.strip()) | self._named(kind, parts[-1])
        if len(parts) > 1:
            ending = _SEPARATOR.join(parts).casefold()
            found = {dbid: path for dbid, path in found.items() if _ends(path.casefold(), ending)}
        if not found:
            raise ValidationError(
                f"There is no {kind} {text}: give its DBID, its name or its path."
            )
        if len(found) > 1:
            told = [f"{path} (DBID {dbid})" for dbid, path in sorted(found.items())][:_TOLD]
            more = f", and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
            raise ValidationError(
                f"There are {len(found)}: {', '.join(told)}{more}. Give a path, or a DBID."
            )
        return next(iter(found))

    def suggestions(self, kind: str) -> list[str]:
        """Return what may be named, if that is not too much to look through."""
        rows = _MODELS[kind].objects.order_by("dbid").values_list("dbid", flat=True)
        dbids = list(rows[: _SUGGESTED + 1])
        return sorted(self._readable(kind, dbids).values()) if len(dbids) <= _SUGGESTED else []

    def _named(self, kind: str, name: str) -> dict[int, str]:
        """Return DBIDs and paths of those with a name, there or gone."""
        if not name:
            return {}
        present = _MODELS[kind].objects.filter(name__iexact=name).values_list("dbid", flat=True)
        gone = ChangeRecord.objects.filter(type=_TYPES[kind], key=key_of(name), kind="deleted")
        return self._readable(kind, [*present, *gone.values_list("dbid", flat=True)], name)

    def _readable(self, kind: str, dbids: list[int], name: str = "") -> dict[int, str]:
        """Return those that may be read, with the path, or a name for what has none."""
        keys = self._sight.readable({(_TYPES[kind], dbid) for dbid in dbids})
        if kind == "folder":
            paths = paths_of([dbid for _, dbid in keys], self._sight.readable)
            return {dbid: paths.get(dbid, name) for _, dbid in keys}
        return {key[1]: found for key, found in names_of(keys).items()}


def _ends(path: str, ending: str) -> bool:
    return path == ending or path.endswith(f"{_SEPARATOR}{ending}")

"""What a proxy with a site limit shows, worked out from the records alone, in the plainest way."""

from __future__ import annotations

from collections.abc import Callable

from confwire.messages import Record
from tests.simulation.vocabulary import APPLICATION, FOLDER, TENANT, Key, document_of

OPTION = "site-limit"
_KINDS = {"tenant": TENANT, "folder": FOLDER}


class Sites:
    """The limits of one moment, and of all in which no application, folder or tenant differs."""

    def __init__(self, records: dict[Key, Record], chain: Callable[[Record], list[Key]]) -> None:
        self._records = records
        self._chain = chain
        """Returns an object and what it lies in, upwards."""
        self._texts: dict[int, str] = {}
        self._named: dict[str, set[Key]] = {"": set()}

    def text(self, site: int) -> str:
        """Return the limit that counts at a server: that of its pair's primary, or its own.

        Args:
            site: the DBID of its application; 0 for a master, which shows everything.
        """
        if site not in self._texts:
            self._texts[site] = self._find(site) if site else ""
        return self._texts[site]

    def _find(self, site: int) -> str:
        applications = {dbid: document_of(item) for (kind, dbid), item in self._records.items()
                        if kind == APPLICATION}  # fmt: skip
        for document in applications.values():
            if document.get("serverInfo", {}).get("backupServerDBID") == site:
                return _option(document)
        return _option(applications[site])

    def shows(self, text: str, item: Record) -> bool:
        """Whether a server with this limit shows an object at all."""
        return not text or not self._places(text).isdisjoint(self._chain(item))

    def _places(self, text: str) -> set[Key]:
        found = self._named.get(text)
        if found is None:
            entries = [entry.strip().casefold().partition(":") for entry in text.split(",")]
            wanted = {(_KINDS.get(kind.strip()), name.strip()) for kind, _, name in entries}
            found = self._named[text] = {
                key for key in self._records
                if (key[0], str(key[1])) in wanted or (key[0], self._path(key)) in wanted
            }  # fmt: skip
        return found

    def _path(self, key: Key) -> str:
        """Return the names from the tenant down, casefolded."""
        if key[0] not in _KINDS.values():
            return ""
        chain = self._chain(self._records[key])
        if chain[-1][0] != TENANT or chain[-1] not in self._records:
            return ""
        names = (document_of(self._records[place]).get("name", "") for place in reversed(chain))
        return "/".join(names).casefold()


def _option(document: dict[str, object]) -> str:
    options = document.get("options", {})
    assert isinstance(options, dict)
    return str(options.get("csproxy", {}).get(OPTION, "")).strip()

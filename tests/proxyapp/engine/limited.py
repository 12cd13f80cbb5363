"""A random environment whose proxies show parts of it, and which parts, in the plainest way."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from confwire.messages import Record
from tests.proxyapp.engine.bench import VERIFIER, T, record
from tests.proxyapp.engine.world import FOLDER, FOLDERS, TENANT, TENANTS, Document, Key, World

APPLICATION = T["application"]
PROXIES = {"proxy1": 110, "proxy2": 111}
OPTION = "site-limit"


def proxy_record(name: str, limit: str = "", **document: Any) -> Record:
    """Return the Application object of a proxy with a site limit."""
    options: Document = {"options": {"csproxy": {OPTION: limit}}} if limit else {}
    return record("application", PROXIES[name], name=name, type="configserver", accountDBID=100,
                  verifier=VERIFIER, acl=[(3, 100, 9)], **options, **document)  # fmt: skip


class Limits(World):
    """A world in which the limits of two proxies change with everything else."""

    def __init__(self, random: Random) -> None:
        self.few = random.random() < 0.5
        super().__init__(random)
        for name in PROXIES:
            item = proxy_record(name)
            if not self.limit_of(name):
                self.records[item.type, item.dbid] = item

    def step(self) -> None:
        if self.random.random() < (0.05 if self.few else 0.2):
            self._limit()
        else:
            super().step()

    def _limit(self) -> None:
        name = self.random.choice(list(PROXIES))
        entries = [self._entry() for _ in range(self.random.randrange(4))]
        item = proxy_record(name, ",".join(entries))
        self.records[item.type, item.dbid] = item

    def _entry(self) -> str:
        random = self.random
        folder = random.choice(FOLDERS)
        path = self._path((FOLDER, folder)) if (FOLDER, folder) in self.records else "x/y"
        tenant = random.choice(TENANTS)
        name = self._name((TENANT, tenant))
        return random.choice((
            f"folder:{folder}", f" Folder: {path.upper()} ", f"folder:{path}",
            f"tenant:{name}", f"tenant:{tenant}", "folder:x", "nonsense", f"folder:{name}/F/G",
            f"folder:{name}/F",
        ))  # fmt: skip

    # ------------------------------------------------------------ the oracle

    def limit_of(self, server: str) -> str:
        item = self.records.get((APPLICATION, PROXIES.get(server, 0)))
        document: Document = msgspec.json.decode(item.body) if item is not None else {}
        return str(document.get("options", {}).get("csproxy", {}).get(OPTION, ""))

    def shows(self, server: str, key: Key) -> bool:
        """Whether a server shows an object at all."""
        text = self.limit_of(server)
        entries = [entry.strip().casefold().partition(":") for entry in text.split(",")]
        return not text or any(
            self._is_named(kind.strip(), name.strip(), place)
            for kind, _, name in entries
            for place in self.places(key)
        )

    def _is_named(self, kind: str, name: str, place: Key) -> bool:
        if place[0] != {"tenant": TENANT, "folder": FOLDER}.get(kind):
            return False
        if name.isdecimal():
            return int(name) == place[1]
        return name == (self._path(place) if kind == "folder" else self._name(place)).casefold()

    def _name(self, key: Key) -> str:
        return str(msgspec.json.decode(self.records[key].body).get("name", ""))

    def _path(self, folder: Key) -> str:
        return "/".join(self._name(place) for place in reversed(self.places(folder)))

    def shown(self, server: str, person: int, specs: list[Document]) -> dict[Key, Document]:
        """Return what a person with these subscriptions sees at a server."""
        found = self.view(person, specs)
        return {key: document for key, document in found.items() if self.shows(server, key)}

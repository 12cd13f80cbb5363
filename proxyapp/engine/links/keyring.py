"""How a server comes by the keys of resume tokens and of secret options.

A master derives them, a proxy is given them.

They go to a proxy over its link, where verifiers may cross as well, and from there to its local
copy: so it honours tokens and reads secrets when it starts without a master.
"""

from __future__ import annotations

from collections.abc import Iterable

from confwire import codec
from confwire.messages import TokenKeys
from proxyapp.engine.commands import Broadcast
from proxyapp.engine.serving import Serving
from proxyapp.engine.trust.sealing import SecretKeys, derive
from proxyapp.engine.trust.tokens import Ring, make_keys

_HOUR = 3600


class Keyring:
    """The keys of one node."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._has_ended = False

    def tick(self, now: float) -> None:
        """Some time has passed, or options have changed: renew the keys of a master."""
        serving = self._serving
        if serving.settings.token_secret:
            self._derive(now)
        self._watch(now)

    def take(self, keys: TokenKeys) -> None:
        """A proxy is given keys, by its master or by its local copy."""
        self._install(keys)
        self._watch(self._serving.now)

    def tell(self, connections: Iterable[int]) -> None:
        """Give the keys to proxies."""
        ring, links = self._serving.issuing.ring, list(connections)
        if ring is not None and links:
            self._serving.out.append(Broadcast(links, [codec.encode(ring.given)]))

    def _derive(self, now: float) -> None:
        serving = self._serving
        options, ring = serving.options, serving.issuing.ring
        wanted = make_keys(
            serving.settings.token_secret,
            options.number("resume-token-generation"),
            options.number("resume-token-life"),
            options.number("resume-token-outage") * _HOUR,
            now,
        )
        secret = serving.settings.token_secret.decode()
        wanted.secrets = derive([secret, *serving.settings.former_secrets])
        if ring is None or ring.given != wanted:
            self._install(wanted)
            self.tell(serving.servers)

    def _install(self, keys: TokenKeys) -> None:
        self._serving.issuing.ring = Ring(keys)
        self._serving.secret_keys = SecretKeys(keys.secrets)

    def _watch(self, now: float) -> None:
        """Say it once when a proxy was without a master for so long that its keys have ended."""
        ring = self._serving.issuing.ring
        has_ended = ring is not None and now >= ring.ends_at
        if has_ended and not self._has_ended:
            text = "no master was there for longer than resume-token-outage: no tokens are given"
            self._serving.alarm("tokens", text, now)
        elif self._has_ended and not has_ended:
            self._serving.calm("tokens")
        self._has_ended = has_ended

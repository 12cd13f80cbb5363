"""The rules of pools behind a load balancer: of members, and of the object that stands for them.

Specification, chapter "Using Load Balancing". They bind Configuration Servers, and are looked at
when a member is changed. Each rule gives (field, message).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from proxyapp.models.redundancy import Refusal, is_backup

if TYPE_CHECKING:
    from proxyapp.models.applications import Application

OPTION = "proxy-cluster-name"
_SECTION = "csproxy"
_NO_LCA = "0"


def pool_name(application: Application) -> str:
    """Return the name of the object that stands for the server's pool, empty where it has none."""
    section = (application.options or {}).get(_SECTION)
    return str(section.get(OPTION, "")).strip() if isinstance(section, dict) else ""


def pool_refusals(application: Application) -> Iterator[Refusal]:
    """Yield what the rules have against a member of a pool; nothing against other servers."""
    name = pool_name(application)
    if not name:
        return
    if application.backup_server_id is not None or is_backup(application):
        yield "backup_server", "a member of a pool has no backup: the others stand in for it"
    if not application.auto_restart:
        yield "auto_restart", "a member of a pool needs auto-restart, so that it comes back"
    servers = type(application)._default_manager.select_related("host")
    pool = servers.filter(name__iexact=name, type=application.type).first()
    if pool is None:
        yield "options", f"{OPTION}: there is no Configuration Server '{name}': create it first"
    elif pool.pk == application.pk or pool_name(pool):
        yield "options", f"{OPTION}: '{name}' is a member itself: name the balancer's object"
    else:
        yield from _balancer_refusals(pool)


def _balancer_refusals(pool: Application) -> Iterator[Refusal]:
    if pool.host is None:
        yield "options", f"{OPTION}: '{pool}' has no host: give it that of the load balancer"
    elif pool.host.lca_port != _NO_LCA:
        yield (
            "options",
            (
                f"{OPTION}: the host of '{pool}' is the load balancer's, with nothing to watch on"
                " it: set its LCA port to 0"
            ),
        )
    if pool.backup_server_id is not None or pool.auto_restart:
        yield "options", f"{OPTION}: '{pool}' is started by nobody: no backup, no auto-restart"

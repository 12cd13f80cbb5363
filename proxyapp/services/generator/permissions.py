"""Who may do what in a made-up company: access groups, their members, and their grants.

Agents see their desktop and what they need to work; leaders their team; supervisors change what
belongs to their site; administrators own their tenant. Nobody sees another company.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from proxyapp.choices import FULL_CONTROL
from proxyapp.engine.data.rights import CHANGE, CREATE, DELETE, EXECUTE, NO_PROPAGATE, READ
from proxyapp.models import AccessGroup, Application, Folder, Grant, Membership, Person
from proxyapp.models.base import Configured
from proxyapp.services.changes import Work
from proxyapp.services.generator.company import Company
from proxyapp.services.generator.site import Site
from proxyapp.services.generator.staff import Staff

_MANAGE = READ | CREATE | CHANGE | EXECUTE | DELETE
_SHARED = ("skill", "script", "actionCode", "enumerator", "transaction", "timeZone")
_OF_SITE = ("person", "place", "agentGroup", "placeGroup", "dnGroup", "script")


def govern_company(
    work: Work, company: Company, administrators: Sequence[Person], desktop: Application
) -> None:
    """Make the groups of a company and their grants."""
    agents = _group(company, "Agents")
    owners = _group(company, "Administrators")
    work.add([agents, owners])
    company.agents = agents
    work.add(_members(owners, administrators))
    work.add(
        [
            _grant(owners, company.tenant, FULL_CONTROL),
            _grant(agents, desktop, READ | EXECUTE),
            *(_grant(agents, company.folders[held], READ) for held in _SHARED),
        ]
    )


def govern_site(work: Work, site: Site, staff: Staff, servers: Folder) -> None:
    """Make the groups of a site and their grants."""
    name = site.plan.name
    agents = _group(site.company, f"Agents {name}", site)
    supervisors = _group(site.company, f"Supervisors {name}", site)
    leaders = [_group(site.company, f"Leaders {team.name}", site) for team in staff.teams]
    work.add([agents, supervisors, *leaders])
    work.add(_members(agents, (desk.person for desk in staff.agents())))
    work.add(_members(supervisors, staff.supervisors))
    work.add(
        Membership(access_group=group, person=team.leader)
        for group, team in zip(leaders, staff.teams, strict=True)
    )
    assert site.company.agents is not None, site.company.plan
    work.add(
        Membership(access_group=site.company.agents, group=group) for group in (agents, supervisors)
    )
    work.add(_grants(site, agents, supervisors, servers))
    work.add(
        _grant(group, team.folder, READ | CHANGE)
        for group, team in zip(leaders, staff.teams, strict=True)
    )


def _grants(
    site: Site, agents: AccessGroup, supervisors: AccessGroup, servers: Folder
) -> Iterator[Grant]:
    yield _grant(agents, site.folders["person"], READ | NO_PROPAGATE)
    yield _grant(agents, site.folders["place"], READ)
    yield _grant(agents, site.switch, READ)
    for held in _OF_SITE:
        yield _grant(supervisors, site.folders[held], _MANAGE)
    yield _grant(supervisors, site.switch, READ | CHANGE)
    yield _grant(supervisors, servers, READ)


def _group(company: Company, name: str, site: Site | None = None) -> AccessGroup:
    folder = site.folders["accessGroup"] if site is not None else company.folders["accessGroup"]
    return AccessGroup(tenant=company.tenant, folder=folder, name=name, type="users")


def _members(group: AccessGroup, persons: Iterable[Person]) -> Iterator[Membership]:
    return (Membership(access_group=group, person=person) for person in persons)


def _grant(group: AccessGroup, target: Configured, mask: int) -> Grant:
    return Grant(
        object_type=int(target.object_type), object_dbid=target.dbid, group=group, mask=mask
    )

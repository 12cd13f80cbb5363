"""A site of a made-up company: its folders, its switch, and what all its agents share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from confwire.objects import ObjectType
from proxyapp.models import ConfigObject, Folder
from proxyapp.services.changes import Work
from proxyapp.services.generator.company import Company
from proxyapp.services.generator.plan import SitePlan
from proxyapp.services.generator.rows import default_folders, generic, subfolder

T = ObjectType

_HELD = (
    T.PERSON, T.PLACE, T.AGENT_GROUP, T.PLACE_GROUP, T.ACCESS_GROUP, T.SCRIPT, T.DN_GROUP,
)  # fmt: skip
_LINES = {
    "Extensions": "extension",
    "ACD positions": "acdposition",
    "Voice mail": "voicemail",
    "E-mail": "email",
    "Routing points": "routingpoint",
    "Queues": "virtacdqueue",
    "Trunks": "trunk",
}
"""Folder of a switch -> type of the DNs in it."""


@dataclass(slots=True)
class Site:
    """A site whose switch and folders exist."""

    plan: SitePlan
    company: Company
    folders: dict[str, Folder]
    """What is held -> the site's folder for it."""
    area: Folder
    """The configuration unit that stands for the site in reports."""
    switch: ConfigObject
    logins: Folder
    lines: dict[str, Folder]
    """Type of DN -> folder in the switch."""

    def line(self, type_: str, number: str, name: str = "", **document: Any) -> ConfigObject:
        """Return a new DN of the site's switch."""
        return generic(
            T.DN, self.company.tenant, self.lines[type_], name, switchDBID=self.switch.dbid,
            number=number, type=type_, registerAll="true", routeType="default",
            switchSpecificType=1, **document,
        )  # fmt: skip


def lay_out(work: Work, company: Company, plan: SitePlan, random: Random) -> Site:
    """Make the folders and the switch of a site, and the lines that belong to no agent."""
    folders = {
        folder.type: folder
        for folder in (subfolder(company.folders[_name_of(held)], plan.name) for held in _HELD)
    }
    area = subfolder(company.folders["folder"], plan.name, T.FOLDER)
    area.folder_class = "site"
    work.add([*folders.values(), area])
    switch = _switch(work, company, plan)
    roots = default_folders(work, switch)
    lines = {type_: subfolder(roots["dn"], name) for name, type_ in _LINES.items()}
    work.add(lines.values())
    site = Site(plan, company, folders, area, switch, roots["agentLogin"], lines)
    shared = list(_shared_lines(site, random))
    work.add(shared)
    work.add([_queue_group(site, shared), *_strategies(site)])
    _self_service(work, site)
    return site


def _name_of(type_: ObjectType) -> str:
    return "".join(
        part.capitalize() if number else part
        for number, part in enumerate(type_.name.lower().split("_"))
    )


def _switch(work: Work, company: Company, plan: SitePlan) -> ConfigObject:
    roots = company.folders
    office = generic(
        T.PHYSICAL_SWITCH, None, roots["physicalSwitch"], f"{company.plan.slug} {plan.name}",
        type="sipswitch", address=plan.city.written,
    )  # fmt: skip
    work.add([office])
    switch = generic(
        T.SWITCH, company.tenant, roots["switch"], f"SIP_{plan.code}",
        physicalSwitchDBID=office.dbid, linkType="noswitchlink", type="sipswitch",
        dnRange="20000-79999",
    )  # fmt: skip
    work.add([switch])
    return switch


def _shared_lines(site: Site, random: Random) -> Iterator[ConfigObject]:
    size = max(2, site.plan.agents // 20)
    for number in range(size):
        yield site.line("routingpoint", f"{8000 + number}", f"RP {site.plan.code} {number + 1}")
        queue = f"VQ_{site.plan.code}_{number + 1}"
        yield site.line("virtacdqueue", f"{9000 + number}", queue, association=f"{8000 + number}")
    for number in range(max(2, size // 2)):
        host = f"sip:{random.randrange(10, 250)}.trunk.example"
        yield site.line(
            "trunk", f"Trunk_{site.plan.code}_{number + 1}", trunks=30,
            annex={"TServer": {"contact": host, "prefix": f"0{number}", "priority": number}},
        )  # fmt: skip


def _queue_group(site: Site, lines: list[ConfigObject]) -> ConfigObject:
    queues = [line for line in lines if line.document["type"] == "virtacdqueue"]
    return generic(
        T.DN_GROUP, site.company.tenant, site.folders["dnGroup"], f"Queues {site.plan.name}",
        type="acdqueues", dns=[{"dnDBID": line.dbid, "trunks": 0} for line in queues],
        siteDBID=site.area.dbid,
    )  # fmt: skip


def _strategies(site: Site) -> Iterator[ConfigObject]:
    for name in ("Inbound", "Overflow", "Night", "Callback", "Chat", "E-mail"):
        yield generic(
            T.SCRIPT, site.company.tenant, site.folders["script"], f"{name} {site.plan.name}",
            type="simplerouting", annex={"Application": {"url": f"http://ors.example/{name}.scxml"}},
        )  # fmt: skip


def _self_service(work: Work, site: Site) -> None:
    tenant, folders = site.company.tenant, site.company.folders
    ivr = generic(
        T.IVR, tenant, folders["ivr"], f"IVR {site.plan.name}", type="ivrtgvp", version="8.5"
    )
    work.add([ivr])
    ports = default_folders(work, ivr)["ivrPort"]
    count = max(4, site.plan.agents // 16)
    work.add(
        generic(
            T.IVR_PORT, tenant, ports, ivrDBID=ivr.dbid, portNumber=f"{number + 1}",
            description=f"port {number + 1} of {site.plan.name}",
        )
        for number in range(count)
    )  # fmt: skip

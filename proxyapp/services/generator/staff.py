"""The people of a site: agents with lines, logins, places and skills; teams and supervisors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from confwire.objects import ObjectType
from proxyapp.models import ConfigObject, Credential, Folder, Person
from proxyapp.services.changes import Work
from proxyapp.services.generator import names
from proxyapp.services.generator.rows import generic, subfolder
from proxyapp.services.generator.site import Site

T = ObjectType

_SUPERVISED = 40  # agents for each supervisor
_DISABLED = 0.02
_SECOND_LOGIN, _VOICE_MAIL, _E_MAIL = 0.25, 0.35, 0.5


@dataclass(slots=True)
class Team:
    """A team while it is made."""

    name: str
    folder: Folder
    desks: list[Desk] = field(default_factory=list)

    @property
    def leader(self) -> Person:
        """The agent who leads the team."""
        return self.desks[0].person


@dataclass(slots=True)
class Desk:
    """What one agent works with."""

    person: Person
    lines: list[ConfigObject]
    logins: list[ConfigObject]
    place: ConfigObject


@dataclass(slots=True)
class Staff:
    """The people of a site."""

    teams: list[Team]
    supervisors: list[Person]

    def agents(self) -> Iterator[Desk]:
        """Yield the desks of all teams."""
        for team in self.teams:
            yield from team.desks


def hire(work: Work, site: Site, random: Random, first: int, verifier: str) -> Staff:
    """Make the people of a site; employee IDs begin with `first`.

    With a verifier they can all log in with its password.
    """
    staff = _drawn(site, random, first)
    work.add(team.folder for team in staff.teams)
    for team in staff.teams:
        for desk in team.desks:
            desk.person.folder = team.folder  # it has its DBID only now
    desks = list(staff.agents())
    work.add(line for desk in desks for line in desk.lines)
    work.add(login for desk in desks for login in desk.logins)
    for desk in desks:
        desk.place.document["dnDBIDs"] = [line.dbid for line in desk.lines]
    work.add(desk.place for desk in desks)
    for desk in desks:
        _seat(desk)
    persons = [desk.person for desk in desks] + staff.supervisors
    work.add(persons)
    if verifier:
        work.add(Credential(person=person, verifier=verifier) for person in persons)
    work.add(_groups(site, staff))
    return staff


def person(site: Site, random: Random, number: int, *, agent: bool) -> Person:
    """Return a new person; the user name holds the number, so that it is unique."""
    given, family = names.person(random, site.plan.city)
    slug = site.company.plan.slug
    user_name = f"{given.latin}.{family.latin}{number}@{slug}"
    return Person(
        tenant=site.company.tenant,
        folder=site.folders["person"],
        employee_id=f"{number:06}",
        user_name=user_name,
        first_name=given.written,
        last_name=family.written,
        email_address=f"{given.latin}.{family.latin}{number}@{slug}.example",
        is_agent=agent,
        state="disabled" if random.random() < _DISABLED else "enabled",
    )


# ---------------------------------------------------------------- agents


def _drawn(site: Site, random: Random, first: int) -> Staff:
    teams = []
    number = first
    for index, size in enumerate(site.plan.teams(), start=1):
        name = f"{site.plan.name} {index:02}"
        team = Team(name, subfolder(site.folders["person"], name))
        for _ in range(size):
            team.desks.append(_desk(site, random, number, number - first))
            number += 1
        teams.append(team)
    count = -(-site.plan.agents // _SUPERVISED)
    supervisors = [person(site, random, number + extra, agent=False) for extra in range(count)]
    return Staff(teams, supervisors)


def _desk(site: Site, random: Random, number: int, index: int) -> Desk:
    agent = person(site, random, number, agent=True)
    agent.app_ranks = {"agentdesktop": "user"}
    agent.phones = {"office": f"+{random.randrange(10**10, 10**11)}"}
    agent.annex = {
        "interaction-workspace": {"spellchecker.prefered-language": site.plan.city.language},
        "hr": {"badge": f"{random.randrange(10**6):06}", "shift": random.randrange(1, 4)},
    }
    skills = sorted(random.sample(site.company.skills, random.randrange(2, 7)), key=_dbid)
    agent.agent_info = {
        "skillLevels": [
            {"skillDBID": skill.dbid, "level": random.randrange(1, 11)} for skill in skills
        ],
        "capacityRuleDBID": random.choice(site.company.capacity_rules).dbid,
        "siteDBID": site.area.dbid,
    }
    place = generic(
        T.PLACE, site.company.tenant, site.folders["place"], f"{site.plan.code} {20000 + index}",
        siteDBID=site.area.dbid,
    )  # fmt: skip
    return Desk(
        agent, list(_lines(site, random, index, agent)), list(_logins(site, random, number)), place
    )


def _dbid(row: ConfigObject) -> int:
    return row.dbid


def _lines(site: Site, random: Random, index: int, agent: Person) -> Iterator[ConfigObject]:
    annex = {"TServer": {"sip-cti-control": "talk,hold", "voice": "true"}}
    yield site.line("extension", f"{20000 + index}", annex=annex)
    yield site.line("acdposition", f"{40000 + index}", association=f"{20000 + index}")
    if random.random() < _VOICE_MAIL:
        yield site.line("voicemail", f"{60000 + index}", association=f"{20000 + index}")
    if random.random() < _E_MAIL:
        yield site.line("email", agent.email_address, annex={"TServer": {"multimedia": "true"}})


def _logins(site: Site, random: Random, number: int) -> Iterator[ConfigObject]:
    codes = [f"{number}"] + ([f"{number}-2"] if random.random() < _SECOND_LOGIN else [])
    for code in codes:
        yield generic(
            T.AGENT_LOGIN, site.company.tenant, site.logins, switchDBID=site.switch.dbid,
            loginCode=code, switchSpecificType=1,
        )  # fmt: skip


def _seat(desk: Desk) -> None:
    desk.person.agent_info |= {
        "placeDBID": desk.place.dbid,
        "agentLogins": [{"agentLoginDBID": login.dbid, "wrapupTime": 15} for login in desk.logins],
    }


# ---------------------------------------------------------------- groups


def _groups(site: Site, staff: Staff) -> Iterator[ConfigObject]:
    tenant = site.company.tenant
    for team in staff.teams:
        yield generic(
            T.AGENT_GROUP, tenant, site.folders["agentGroup"], f"Team {team.name}",
            agentDBIDs=[desk.person.dbid for desk in team.desks],
            managerDBIDs=[team.leader.dbid], siteDBID=site.area.dbid,
        )  # fmt: skip
        yield generic(
            T.PLACE_GROUP, tenant, site.folders["placeGroup"], f"Room {team.name}",
            placeDBIDs=[desk.place.dbid for desk in team.desks], siteDBID=site.area.dbid,
        )  # fmt: skip
    yield generic(
        T.AGENT_GROUP, tenant, site.folders["agentGroup"], f"All agents {site.plan.name}",
        agentDBIDs=[desk.person.dbid for desk in staff.agents()],
        managerDBIDs=[person.dbid for person in staff.supervisors],
        annex={"virtual": {"script": "Skill(\"Voice\") > 0"}},
    )  # fmt: skip

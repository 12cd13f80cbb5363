"""Generating a made-up contact centre: site after site, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from confwire.objects import ObjectType
from proxyapp.models import Application, ConfigObject, Credential, Folder, Person, Tenant
from proxyapp.models.base import key_of
from proxyapp.models.folders import ENVIRONMENT
from proxyapp.services import changes
from proxyapp.services.changes import Work
from proxyapp.services.generator import company as companies
from proxyapp.services.generator import names, outbound, permissions, servers, staff
from proxyapp.services.generator.company import Company
from proxyapp.services.generator.plan import CompanyPlan, SitePlan, companies_of
from proxyapp.services.generator.rows import Roots
from proxyapp.services.generator.site import lay_out

_ADMINISTRATORS = 2  # of each company


class AlreadyGenerated(Exception):
    """An environment of this seed is in the database."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    words: str
    """What was made last."""
    agents: int
    """Agents made so far."""
    objects: int
    """Objects made so far."""


def generate(agents: int, seed: int, *, tenants: int = 0, verifier: str = "") -> Iterator[Progress]:
    """Make a contact centre; yield after each transaction.

    The same numbers make the same objects, whatever was there before. Where a verifier is
    given, all persons have it, so that deriving it once is enough.

    Raises:
        AlreadyGenerated: before anything is made.
    """
    plans = companies_of(agents, tenants, seed)
    _refuse_again(plans)
    run = _Run(Random(seed), f"generateenv --seed {seed}", verifier)
    for plan in plans:
        yield from run.company(plan)


def _refuse_again(plans: list[CompanyPlan]) -> None:
    keys = [key_of([plan.name]) for plan in plans]
    present = Tenant.objects.filter(key__in=keys).order_by("dbid").first()
    if present is not None:
        raise AlreadyGenerated(f"tenant {present} is there already")


class _Run:
    """One run."""

    def __init__(self, random: Random, origin: str, verifier: str) -> None:
        self._random = random
        self._origin = origin
        self._verifier = verifier
        self._agents = 0
        self._objects = 0
        self._employees = 0

    def company(self, plan: CompanyPlan) -> Iterator[Progress]:
        """Make one company."""
        with changes.commit(by=None, origin=self._origin) as work:
            roots = _environment_roots()
            kinds = servers.templates(work)
            company = companies.found(work, plan, self._random)
            administrators = self._administrators(work, company)
            desktop = servers.desktop(work, company, roots, kinds[servers.DESKTOP.name])
            permissions.govern_company(work, company, administrators, desktop)
        yield self._done(work, plan.name, 0)
        groups: list[ConfigObject] = []
        diallers: list[Application] = []
        self._employees = _ADMINISTRATORS
        for site_plan in plan.sites:
            with changes.commit(by=None, origin=self._origin) as work:
                group, dialler = self._site(work, company, site_plan, roots)
                groups.append(group)
                diallers.append(dialler)
            yield self._done(work, f"{plan.name}, {site_plan.name}", site_plan.agents)
        with changes.commit(by=None, origin=self._origin) as work:
            outbound.plan_calls(work, company, groups, diallers[0])
        yield self._done(work, f"{plan.name}, campaigns", 0)

    def _site(
        self, work: Work, company: Company, plan: SitePlan, roots: Roots
    ) -> tuple[ConfigObject, Application]:
        kinds = servers.templates(work)
        site = lay_out(work, company, plan, self._random)
        folder, programs = servers.put_up(work, company, plan, roots, kinds, self._random)
        work.add([servers.solution(company, plan, roots, programs)])
        people = staff.hire(work, site, self._random, self._employees + 1, self._verifier)
        self._employees += plan.agents + len(people.supervisors)
        permissions.govern_site(work, site, people, folder)
        everyone = ConfigObject.objects.get(
            type=int(ObjectType.AGENT_GROUP),
            key=key_of([company.tenant.dbid, f"All agents {plan.name}"]),
        )
        dialler = next(row for row in programs if row.type == "cmserver")
        return everyone, dialler

    def _administrators(self, work: Work, company: Company) -> list[Person]:
        city = company.plan.sites[0].city
        persons = []
        for number in range(1, _ADMINISTRATORS + 1):
            given, family = names.person(self._random, city)
            user = f"{given.latin}.{family.latin}{number}@{company.plan.slug}"
            persons.append(
                Person(
                    tenant=company.tenant, folder=company.folders["person"],
                    employee_id=f"{number:06}", user_name=user, first_name=given.written,
                    last_name=family.written, email_address=f"{user}.example",
                )
            )  # fmt: skip
        work.add(persons)
        if self._verifier:
            work.add(Credential(person=person, verifier=self._verifier) for person in persons)
        return persons

    def _done(self, work: Work, words: str, agents: int) -> Progress:
        self._agents += agents
        self._objects += len(work.result.changed) if work.result is not None else 0
        return Progress(words, self._agents, self._objects)


def _environment_roots() -> Roots:
    tenant = int(ObjectType.TENANT)
    roots = Folder.objects.filter(owner_type=tenant, owner_dbid=ENVIRONMENT, folder=None)
    return {folder.type: folder for folder in roots.order_by("-dbid")}

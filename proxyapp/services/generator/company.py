"""The objects that a made-up company has once: its tenant, skills, routing, reasons, schedules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from confwire.objects import ObjectType
from proxyapp.models import AccessGroup, ConfigObject, Tenant
from proxyapp.services.changes import Work
from proxyapp.services.generator.plan import CompanyPlan
from proxyapp.services.generator.rows import Roots, default_folders, generic

T = ObjectType

_LANGUAGES = (
    "English Deutsch Français Polski Português Español Svenska Čeština Türkçe Русский Українська"
    " 日本語 العربية"
).split()
_PRODUCTS = (
    "Billing Orders Delivery Returns Warranty Mobile Broadband Television Loans Cards Claims"
    " Travel Complaints Retention Premium Business Technical Activation Fraud Collections"
).split()
_MEDIA = ("Voice", "Chat", "E-mail", "Callback", "Video")
_REASONS = (
    "Break Lunch Meeting Training Coaching Research Paperwork Callback System Personal Fire_drill"
    " Technical_problem Team_talk Quality Shift_end"
).split()
_DISPOSITIONS = ("Solved", "Callback agreed", "Transferred", "Sale", "No sale", "Wrong number")
_ATTRIBUTES: dict[str, tuple[str, tuple[str, ...]]] = {
    "Language": ("entcustom", tuple(_LANGUAGES)),
    "ServiceType": ("entoperationalattribute", tuple(_PRODUCTS)),
    "CustomerSegment": ("entoperationalattribute", ("Bronze", "Silver", "Gold", "Platinum")),
    "DispositionCode": ("entcustom", _DISPOSITIONS),
    "MediaType": ("entoperationalattribute", tuple(media.lower() for media in _MEDIA)),
}


@dataclass(slots=True)
class Company:
    """A company whose tenant exists, with what its sites need."""

    plan: CompanyPlan
    tenant: Tenant
    folders: Roots
    skills: list[ConfigObject] = field(default_factory=list)
    capacity_rules: list[ConfigObject] = field(default_factory=list)
    agents: AccessGroup | None = None
    """All agents, as the groups of the sites."""

    def make(self, type_: ObjectType, name: str, **document: Any) -> ConfigObject:
        """Return a new object in the company's default folder of its type."""
        return generic(type_, self.tenant, self.folders[_HOMES[type_]], name, **document)


_HOMES = {
    T.SKILL: "skill",
    T.SCRIPT: "script",
    T.ACTION_CODE: "actionCode",
    T.ENUMERATOR: "enumerator",
    T.TRANSACTION: "transaction",
    T.TIME_ZONE: "timeZone",
    T.STAT_DAY: "statDay",
    T.STAT_TABLE: "statTable",
    T.OBJECTIVE_TABLE: "objectiveTable",
    T.ROLE: "role",
    T.FIELD: "field",
    T.FORMAT: "format",
    T.FILTER: "filter",
    T.TREATMENT: "treatment",
    T.TABLE_ACCESS: "tableAccess",
    T.CALLING_LIST: "callingList",
    T.CAMPAIGN: "campaign",
    T.CAMPAIGN_GROUP: "campaignGroup",
    T.PLACE_GROUP: "placeGroup",
    T.DN_GROUP: "dnGroup",
    T.IVR: "ivr",
    T.VOICE_PROMPT: "voicePrompt",
    T.SCHEDULED_TASK: "scheduledTask",
}


def found(work: Work, plan: CompanyPlan, random: Random) -> Company:
    """Make the tenant of a company and what it has once."""
    tenant = Tenant(
        name=plan.name, chargeable_number=f"+800{random.randrange(10**7):07}", parent_tenant_id=1
    )
    work.add([tenant])
    company = Company(plan, tenant, default_folders(work, tenant))
    company.skills = list(_skills(company))
    work.add(company.skills)
    company.capacity_rules = [
        company.make(T.SCRIPT, f"Capacity {words}", type="capacityrule")
        for words in ("voice only", "voice and chat", "blended", "back office")
    ]
    work.add(company.capacity_rules)
    work.add([*_action_codes(company), *_schedules(company, random), *_transactions(company)])
    _attributes(work, company)
    return company


def _skills(company: Company) -> Iterator[ConfigObject]:
    for name in (*_LANGUAGES, *_PRODUCTS, *_MEDIA):
        yield company.make(T.SKILL, name)


def _action_codes(company: Company) -> Iterator[ConfigObject]:
    for number, name in enumerate(_REASONS):
        words = name.replace("_", " ")
        yield company.make(T.ACTION_CODE, words, type="notready", code=f"{100 + number}")
    for number, name in enumerate(("Login", "Logout", "Transfer", "Conference", "Ready")):
        yield company.make(
            T.ACTION_CODE, name, type=name.lower(), code=f"{200 + number}",
            subcodes=[{"name": "manual", "code": "1"}, {"name": "automatic", "code": "2"}],
        )  # fmt: skip


def _schedules(company: Company, random: Random) -> Iterator[ConfigObject]:
    zones = sorted({site.city.time_zone for site in company.plan.sites})
    for name in zones:
        yield company.make(T.TIME_ZONE, name, offset=random.randrange(-5, 10) * 3600)
    for number, name in enumerate(("Weekday", "Saturday", "Sunday", "Holiday", "Night")):
        yield company.make(
            T.STAT_DAY, name, isDayOfWeek=number < 3, startTime=8 * 60, endTime=20 * 60,
            minValue=1, maxValue=100, targetValue=80, intervalLength=15,
        )  # fmt: skip
    for name in ("Inbound target", "Outbound target", "Chat target"):
        yield company.make(T.STAT_TABLE, name, type="capacitytable", waitThreshold=20)


def _transactions(company: Company) -> Iterator[ConfigObject]:
    for number, product in enumerate(_PRODUCTS):
        yield company.make(
            T.TRANSACTION, f"KVP_{product}", type="calldata", alias=product.lower(),
            recordPeriod=900, description=f"attached data of {product.lower()}",
        )  # fmt: skip
        yield company.make(
            T.TRANSACTION, f"List_{product}", type="list", alias=f"list{number}",
            annex={"numbers": {f"+49221{number:02}{line:02}": product for line in range(12)}},
        )  # fmt: skip


def _attributes(work: Work, company: Company) -> None:
    attributes = [
        company.make(T.ENUMERATOR, name, type=type_, displayName=name)
        for name, (type_, _) in _ATTRIBUTES.items()
    ]
    work.add(attributes)
    values = []
    for attribute in attributes:
        folder = default_folders(work, attribute)["enumeratorValue"]
        for number, name in enumerate(_ATTRIBUTES[attribute.name][1]):
            values.append(
                generic(
                    T.ENUMERATOR_VALUE, company.tenant, folder, name, displayName=name,
                    enumeratorDBID=attribute.dbid, isDefault=number == 0,
                )
            )  # fmt: skip
    work.add(values)

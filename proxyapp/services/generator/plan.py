"""How large a made-up contact centre is: its companies, sites and teams. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from proxyapp.services.generator.names import CITIES, COMPANIES, City, Name

SITE_SIZE = 400
TEAM_SIZE = 12
COMPANY_SIZE = 2500
_SMALL = 40
"""Agents of a site when there are few: several sites show more than one large one."""
_FEW_SITES = 6


@dataclass(frozen=True, slots=True)
class SitePlan:
    """A site of a company."""

    number: int
    city: City
    agents: int

    @property
    def code(self) -> str:
        """The site's short name, unique in its company."""
        turn = (self.number - 1) // len(CITIES)
        return self.city.code + (str(turn + 1) if turn else "")

    @property
    def name(self) -> str:
        """The site's name, unique in its company."""
        turn = (self.number - 1) // len(CITIES)
        return self.city.written + (f" {turn + 1}" if turn else "")

    def teams(self) -> Iterator[int]:
        """Yield the number of agents of each team."""
        left = self.agents
        while left:
            yield min(left, TEAM_SIZE)
            left -= min(left, TEAM_SIZE)


@dataclass(frozen=True, slots=True)
class CompanyPlan:
    """A company, which is a tenant."""

    name: str
    slug: str
    sites: tuple[SitePlan, ...]


def companies_of(agents: int, tenants: int, seed: int) -> list[CompanyPlan]:
    """Return the companies that so many agents work for; no tenants = as many as fit the agents."""
    count = tenants or max(1, min(len(COMPANIES), agents // COMPANY_SIZE))
    return [_company(number, share, seed) for number, share in enumerate(_shares(agents, count))]


def _company(number: int, agents: int, seed: int) -> CompanyPlan:
    turn, place = divmod(number, len(COMPANIES))
    name: Name = COMPANIES[place]
    suffix = f"{seed}" + (f".{turn + 1}" if turn else "")
    count = -(-agents // SITE_SIZE)
    if count < _FEW_SITES:
        count = max(1, min(_FEW_SITES, agents // _SMALL))
    sites = tuple(
        SitePlan(site + 1, CITIES[(site + 3 * place) % len(CITIES)], share)
        for site, share in enumerate(_shares(agents, count))
    )
    slug = f"{name.latin}{suffix}".replace(".", "-")
    return CompanyPlan(f"{name.written} {suffix}", slug, sites)


def _shares(total: int, count: int) -> Iterator[int]:
    for number in range(count):
        yield total * (number + 1) // count - total * number // count

"""A contact centre has as many agents as were asked for, spread over companies and sites."""

from __future__ import annotations

import pytest

from proxyapp.services.generator.plan import SITE_SIZE, TEAM_SIZE, companies_of


@pytest.mark.parametrize("agents", [1, 13, 200, 2500, 10_000, 123_457])
@pytest.mark.parametrize("tenants", [0, 1, 17])
def test_every_agent_has_a_site_and_a_team(agents: int, tenants: int) -> None:
    companies = companies_of(agents, min(tenants, agents), 5)
    sites = [site for company in companies for site in company.sites]
    assert sum(site.agents for site in sites) == agents
    assert all(sum(site.teams()) == site.agents for site in sites)
    assert all(1 <= size <= TEAM_SIZE for site in sites for size in site.teams())
    assert max(site.agents for site in sites) <= SITE_SIZE


def test_names_are_unique_in_their_company() -> None:
    for company in companies_of(100_000, 3, 1):
        for attribute in ("name", "code"):
            values = [getattr(site, attribute) for site in company.sites]
            assert len(values) == len(set(values))


def test_companies_of_two_seeds_have_different_names() -> None:
    names = {company.slug for seed in (1, 11) for company in companies_of(99, 20, seed)}
    assert len(names) == 40


def test_even_a_small_one_has_several_sites() -> None:
    assert len(companies_of(200, 0, 1)[0].sites) == 5

"""Between two sites: when a client leaves the preferred one, and when it comes back."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from confwire.client.backoff import Reconnect
from confwire.client.sites import LASTING, STABLE_AFTER, Place, SiteRule, Sites

NEAR, NEAR_2 = ("near-1", 2020), ("near-2", 2020)
FAR, FAR_2 = ("far-1", 2020), ("far-2", 2020)
RULE = SiteRule(rounds=2, proof=60.0, most_proof=240.0, probe_every=5.0)


def sites(preferred=(NEAR,), backup=(FAR,), rule=RULE, attempts=1, jitter=0.0):
    return Sites(preferred, backup, lambda: jitter, Reconnect(attempts), rule)


def at_backup(**options):
    """Sites whose client came to the backup site at time 0."""
    found = sites(**options)
    while found.place is not Place.SEEKING_BACKUP:
        found.failed(0.0)
    found.opened(0.0)
    return found


def probe(found, until, answer=NEAR):
    """Answer every probe that is due up to a time; return the time of the last one."""
    now = 0.0
    while (due := found.probe_due_at()) is not None and due <= until:
        now = due
        found.probed(now, answer)
    return now


def test_the_backup_site_is_tried_after_all_rounds_over_the_preferred_one():
    found = sites(preferred=(NEAR, NEAR_2), attempts=2)
    tried = []
    while found.place is Place.SEEKING_PREFERRED:
        tried.append(found.server)
        found.failed(0.0)
    assert tried == [NEAR, NEAR, NEAR_2, NEAR_2] * 2
    assert (found.place, found.server) == (Place.SEEKING_BACKUP, FAR)


def test_sites_take_turns_while_nobody_answers():
    found = sites()
    places = []
    for _ in range(8):
        places.append(found.server)
        found.failed(0.0)
    assert places == [NEAR, NEAR, FAR, FAR] * 2
    assert found.round == 4


def test_a_client_without_a_backup_site_never_leaves():
    found = sites(backup=())
    for _ in range(100):
        found.failed(0.0)
    assert (found.place, found.server, found.round) == (Place.SEEKING_PREFERRED, NEAR, 1)
    found.opened(0.0)
    assert found.probe_due_at() is None


def test_a_client_returns_when_the_preferred_site_has_answered_long_enough():
    found = at_backup()
    probe(found, until=60.0)
    assert found.place is Place.CONFIRMING  # answers since the first probe, 5 s after coming
    assert probe(found, until=100.0) >= 65.0
    assert (found.place, found.server) == (Place.RETURNING, NEAR)
    found.opened(70.0)
    assert found.place is Place.PREFERRED


def test_one_probe_without_an_answer_begins_the_proof_anew():
    found = at_backup()
    probe(found, until=50.0)
    found.probed(50.0, None)
    assert found.place is Place.BACKUP
    probe(found, until=100.0)
    assert found.place is Place.CONFIRMING


def test_the_server_that_answered_is_the_one_to_return_to():
    found = at_backup(preferred=(NEAR, NEAR_2))
    probe(found, until=100.0, answer=NEAR_2)
    assert found.server == NEAR_2


def test_a_return_that_fails_keeps_the_session_at_the_backup_site():
    found = at_backup()
    now = probe(found, until=100.0)
    found.failed(now)
    assert (found.place, found.server) == (Place.BACKUP, FAR)
    assert found.probe_due_at() > now


def test_time_in_which_nobody_probed_proves_nothing():
    found = at_backup()
    probe(found, until=20.0)
    found.probed(500.0, NEAR)  # the process slept
    assert found.place is Place.CONFIRMING
    found.probed(505.0, NEAR)
    assert found.place is Place.CONFIRMING


def leave_again(found, now):
    """Lose the preferred site for good; return how long the next proof takes."""
    found.lost(now)
    while found.place is Place.SEEKING_PREFERRED:
        found.failed(now)
    found.opened(now)
    begin = found.probe_due_at()
    found.probed(begin, NEAR)
    due = begin
    while found.place is Place.CONFIRMING:
        due = found.probe_due_at()
        found.probed(due, NEAR)
    found.opened(due)
    return due - begin, due


def test_each_return_that_did_not_last_doubles_the_proof_up_to_a_bound():
    found = at_backup()
    now = probe(found, until=100.0)
    found.opened(now)
    proofs = []
    for _ in range(4):
        proof, now = leave_again(found, now + 10.0)
        proofs.append(proof)
    assert [round(proof / 60) for proof in proofs] == [2, 4, 4, 4]


def test_a_return_that_lasted_takes_the_proof_back():
    found = at_backup()
    now = probe(found, until=100.0)
    found.opened(now)
    doubled, now = leave_again(found, now + 10.0)
    usual, _ = leave_again(found, now + LASTING * doubled + 100.0)
    assert (round(doubled / 60), round(usual / 60)) == (2, 1)


def test_chance_makes_the_proof_up_to_twice_as_long():
    found = at_backup(jitter=0.99)
    assert probe(found, until=1000.0) >= 60.0 * 1.99


def test_a_lost_backup_site_is_tried_again_first():
    found = at_backup()
    probe(found, until=20.0)
    found.lost(20.0)
    assert (found.place, found.server) == (Place.SEEKING_BACKUP, FAR)


def test_nothing_keeps_a_client_away_that_lost_the_backup_site_while_it_returns():
    found = at_backup()
    found.lost(probe(found, until=100.0))
    assert (found.place, found.server) == (Place.SEEKING_PREFERRED, NEAR)


def test_sessions_that_do_not_hold_count_as_failed_attempts():
    found = sites()
    for now in (0.0, 1.0):
        found.opened(now)
        found.lost(now + STABLE_AFTER / 2)
    assert found.place is Place.SEEKING_BACKUP
    assert found.attempts == 2


def test_a_server_that_sends_its_clients_away_is_left_at_once():
    found = sites(preferred=(NEAR, NEAR_2), attempts=5)
    found.opened(0.0)
    found.lost(100.0, leave=True)
    assert found.server == NEAR_2


def test_a_backup_server_belongs_to_the_site_of_the_server_that_told_of_it():
    found = sites()
    found.opened(0.0)
    found.learn(NEAR_2)
    assert found.preferred_servers == [NEAR, NEAR_2]
    found.learn(None)
    assert found.preferred_servers == [NEAR]


@pytest.mark.parametrize(
    "wrong", [{"rounds": 0}, {"probe_every": 0.0}, {"proof": -1.0}, {"proof": 2.0, "most_proof": 1}]
)
def test_a_rule_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="site rule"):
        SiteRule(**wrong)


# ---------------------------------------------------------------- any history at all

SERVERS = {NEAR: "near", NEAR_2: "near", FAR: "far", FAR_2: "far"}


PAGE = Path(__file__).parents[3] / "docs" / "topics" / "clients-when-servers-fail.md"


def told() -> set[tuple[str, str]]:
    """Return the changes of state that the table in the documentation has."""
    rows, last = set(), ""
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip().strip("`") for cell in line.split("|")[1:-1]]
        if len(cells) == 4 and cells[2] in {place.value for place in Place}:
            last = cells[0] or last
            rows.add((last, cells[2]))
    return rows


class Watched(Sites):
    """Notes every change of state that ever happened."""

    changes: set[tuple[str, str]] = set()

    def __setattr__(self, name, value):
        if name == "place" and hasattr(self, "place") and self.place is not value:
            self.changes.add((self.place.value, value.value))
        super().__setattr__(name, value)


def test_the_table_in_the_documentation_is_complete():
    """Also backwards: each row of the table happens."""
    Watched.changes.clear()
    journeys = settings(max_examples=200, stateful_step_count=40, derandomize=True)
    run_state_machine_as_test(Journey, settings=journeys)
    assert Watched.changes == told()


class Journey(RuleBasedStateMachine):
    """A client in virtual time, whose servers come and go as chance wants it."""

    def __init__(self):
        super().__init__()
        self.chance = 0.0
        self.sites = Watched((NEAR, NEAR_2), (FAR, FAR_2), lambda: self.chance, Reconnect(2), RULE)
        self.now = 1000.0
        self.up = dict.fromkeys(SERVERS, True)
        self.at = None  # the server of the session
        self.tried = []  # since the site was changed, or a session held
        self.since = 0.0  # of the session
        self.probes = []  # (time, answered) since the client came to the backup site
        self.came = 0.0
        self.returns = []
        self.opens_no_return = False  # answers probes, but is behind, say
        self.breaks_on_return = False

    # What the connection does, in the time that passes.

    def attempt(self):
        server, before = self.sites.server, self.sites.place
        if self.up[server]:
            self.sites.opened(self.now)
            self.at, self.since = server, self.now
            if self.sites.place is Place.BACKUP:
                self.probes, self.came = [], self.now
            return
        self.tried.append(server)
        self.sites.failed(self.now)
        self.site_may_change(before)

    def site_may_change(self, before):
        if self.sites.place is before or self.at is not None:
            return
        # No site is left before each of its servers had all its tries.
        sites = {SERVERS[server] for server in self.tried}
        assert len(sites) == 1
        assert len(self.tried) >= RULE.rounds * 2 * 2
        self.tried = []

    def lose(self, leave=False):
        place, server, held = self.sites.place, self.at, self.now - self.since >= STABLE_AFTER
        seeking = Place.SEEKING_BACKUP if self.sites.is_at_backup else Place.SEEKING_PREFERRED
        self.at = None
        self.sites.lost(self.now, leave)
        if place is Place.RETURNING:
            self.returns.append(self.now)
            self.tried = []
            return
        if held:
            self.tried = []
        if leave or not held:
            self.tried.append(server)
        self.site_may_change(seeking)

    def probe(self):
        answer = next((server for server in (NEAR, NEAR_2) if self.up[server]), None)
        self.probes.append((self.now, answer is not None))
        self.sites.probed(self.now, answer)
        if self.sites.place is not Place.RETURNING:
            return
        self.check_proof()
        target = self.sites.server
        assert SERVERS[target] == "near"
        if self.breaks_on_return:
            self.lose()
        elif self.up[target] and not self.opens_no_return:
            self.sites.opened(self.now)
            self.at, self.since, self.tried = target, self.now, []
            self.returns.append(self.now)
        else:
            self.probes.append((self.now, False))
            self.sites.failed(self.now)

    def check_proof(self):
        """The preferred site answered every probe for the time of the proof, without a pause."""
        failed = [at for at, answered in self.probes if not answered]
        begin = max([*failed, self.came])
        good = [at for at, _ in self.probes if at > begin]
        pauses = [b for a, b in pairwise(good) if b - a > 15.0]
        begin = max([good[0], *pauses])
        assert self.now - begin >= RULE.proof
        if self.returns:
            assert self.now - self.returns[-1] >= RULE.proof

    def pass_time(self, seconds):
        until = self.now + seconds
        while self.now < until:
            if self.at is not None and not self.up[self.at]:
                self.lose()
            elif self.at is None:
                self.attempt()
                if self.at is None:
                    delay = self.sites.delay()
                    assert 0.0 <= delay <= 10.0
                    self.now += max(delay, 0.01)
            else:
                due = self.sites.probe_due_at()
                if due is None or due > until:
                    self.now = until
                else:
                    self.now = max(self.now, due)
                    self.probe()

    # What happens around it.

    @rule(server=st.sampled_from(list(SERVERS)))
    def server_stops(self, server):
        self.up[server] = False

    @rule(server=st.sampled_from(list(SERVERS)))
    def server_starts(self, server):
        self.up[server] = True

    @rule(site=st.sampled_from(["near", "far"]), up=st.booleans())
    def site_stops_or_starts(self, site, up):
        self.up.update({server: up for server, its in SERVERS.items() if its == site})

    @rule(seconds=st.floats(1.0, 200.0))
    def the_preferred_site_is_away_for_a_minute(self, seconds):
        self.site_stops_or_starts("near", False)
        self.up[FAR] = True
        self.pass_time(60.0)
        self.site_stops_or_starts("near", True)
        self.pass_time(seconds)

    @rule(chance=st.floats(0.0, 1.0, exclude_max=True))
    def chance_changes(self, chance):
        self.chance = chance

    @rule(refuses=st.booleans(), breaks=st.booleans())
    def returns_become_difficult(self, refuses, breaks):
        self.opens_no_return, self.breaks_on_return = refuses, breaks

    @rule(seconds=st.one_of(st.floats(0.01, 20.0), st.floats(20.0, 300.0)))
    def time_passes(self, seconds):
        self.pass_time(seconds)

    @rule(seconds=st.floats(1.0, 10_000.0))
    def the_process_sleeps(self, seconds):
        self.now += seconds

    @precondition(lambda self: self.at is not None)
    @rule(leave=st.booleans())
    def connection_breaks(self, leave):
        self.lose(leave)

    @invariant()
    def the_session_is_where_the_place_says(self):
        place = self.sites.place
        seeking = place in (Place.SEEKING_PREFERRED, Place.SEEKING_BACKUP)
        assert seeking == (self.at is None)
        if self.at is not None:
            assert SERVERS[self.at] == ("far" if self.sites.is_at_backup else "near")
            assert (self.sites.probe_due_at() is not None) == self.sites.is_at_backup
        assert SERVERS[self.sites.server] == ("far" if self.sites.is_at_backup else "near")

    def teardown(self):
        """Whatever happened before: when all is well again, every client comes home."""
        self.up = dict.fromkeys(SERVERS, True)
        self.opens_no_return = self.breaks_on_return = False
        self.pass_time(30.0)
        assert self.at is not None
        self.pass_time(2 * RULE.most_proof + 60.0)
        assert self.sites.place is Place.PREFERRED


Journey.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestJourney = Journey.TestCase


def test_a_client_that_is_sent_away_goes_there_without_a_failed_attempt():
    found = sites(preferred=(NEAR, NEAR_2))
    found.opened(0.0)
    found.sent_away(STABLE_AFTER, ("cluster", 2020))
    assert (found.server, found.attempts, found.delay()) == (("cluster", 2020), 0, 0.0)
    found.failed(STABLE_AFTER)
    assert found.server == NEAR


def test_a_client_that_is_sent_anywhere_takes_the_next_server():
    found = sites(preferred=(NEAR, NEAR_2))
    found.opened(0.0)
    found.sent_away(STABLE_AFTER, None)
    assert (found.server, found.attempts) == (NEAR_2, 0)


def test_servers_that_send_a_client_on_at_once_count_as_failed_attempts():
    found = sites(preferred=(NEAR, NEAR_2), backup=(), jitter=1.0)
    for now in (0.0, 1.0, 2.0, 3.0):
        found.opened(now)
        found.sent_away(now, NEAR_2)
    assert found.attempts == 4
    assert found.delay() > 0.5

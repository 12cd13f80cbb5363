"""What a pair and its master tell each other."""

from __future__ import annotations

import pytest

from confwire.messages import Message, PeerRead, ReadPeer
from proxyapp.engine.standby.witness import Witness
from tests.proxyapp.engine.pairbench import PairBench


@pytest.fixture
def two() -> PairBench:
    return PairBench()


class Master:
    """The link to a master."""

    def __init__(self) -> None:
        self.is_open = True
        self.said: list[Message] = []

    def say(self, message: Message) -> None:
        self.said.append(message)

    def master_dbid(self) -> int:
        return 99


def test_a_primary_that_does_not_answer_the_master_counts_as_missed(two):
    two.primary.login("bob")
    two.primary.hold_wire = True  # the process was stopped: its line seems to live
    two.primary.go_silent()
    assert two.backup.running == "asking"
    two.tick(1.0)
    assert two.backup.running == "asking"
    two.tick(1.0)
    assert two.backup.running == "primary"


def test_a_master_that_is_away_cannot_be_asked(two):
    two.backup.sever()
    two.primary.go_silent()
    assert (two.primary.running, two.backup.running) == ("primary", "primary")


def test_an_answer_to_a_former_question_to_the_master_decides_nothing(two):
    two.primary.hold_wire = True
    two.primary.go_silent()
    assert two.backup.running == "asking"
    late = PeerRead(ref=0, epoch="e1", revision=1, lives=False)
    two.backup.node.serving.pairing.answered(late)
    assert two.backup.running == "asking"


def test_the_master_knows_what_both_do(two):
    two.tick(1.0)
    told = {item["application"]: item["running"] for item in two.master.node.status(0)["pairs"]}
    assert told == {"proxy1": "primary", "proxy2": "backup"}


def test_only_the_answer_to_the_last_question_counts():
    master = Master()
    witness = Witness(master)
    assert [witness.ask(), witness.ask()] == [True, True]
    assert master.said == [ReadPeer(ref=1), ReadPeer(ref=2)]
    answers = [PeerRead(ref=ref, epoch="e1", revision=1, lives=True) for ref in (1, 2)]
    assert [witness.has_asked(answer) for answer in answers] == [False, True]


def test_a_role_is_told_once_on_each_link():
    master = Master()
    witness = Witness(master)
    assert [witness.lacks("primary", 1) for _ in range(2)] == [True, False]
    assert witness.lacks("primary", 2)
    master.is_open = False
    assert not witness.lacks("backup", 2)
    master.is_open = True
    assert witness.lacks("backup", 2)

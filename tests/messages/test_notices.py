"""What the law wants people to be told of their consent: due once, in time, and never to who need not be told."""

from typing import Any

from dangol.jobs.notices import ConsentNotices
from messages.permission.notices import RECONFIRM, RESULT, due_notices
from profiles.facts import Facts
from profiles.fold.fold import LogPosition, Settings, apply
from profiles.model import Consent, Profile
from profiles.store.memory import MemoryProfiles
from profiles.store.port import ABSENT, Write
from tests.support.permission import T, agreed, customer, sending_site
from tracker.event import decode
from tracker.log.memory import MemoryLog

DAY = 86_400_000


def names(profile: Profile, now: int = T) -> list[str]:
    return [each.name for each in due_notices(profile, now)]


def test_the_result_of_a_yes_or_no_is_due_within_14_days():
    for answer in (agreed(T - DAY), Consent("marketing", False, T - DAY)):
        assert names(customer(answer)) == [RESULT]
    assert names(customer(agreed(T - 15 * DAY))) == []
    assert names(customer(agreed(T - DAY), country="US")) == []
    assert names(customer(Consent("analytics", True, T - DAY))) == [] == names(customer())


def test_a_yes_is_asked_about_again_before_two_years_are_over():
    for days, due in ((600, []), (701, [RECONFIRM]), (729, [RECONFIRM]), (731, [])):
        assert names(customer(agreed(T - days * DAY))) == due
    assert names(customer(agreed(T - 800 * DAY, verified_at=T - 10 * DAY))) == []


def test_the_job_tells_each_notice_once_and_a_replay_adds_none():
    store, log, now = MemoryProfiles(), MemoryLog(), [T]
    people = [customer(agreed(T - DAY)), customer(agreed(T - 710 * DAY))]
    people[1].id, people[1].user = "u:old", "old"
    store.save("default", [Write(each.id, ABSENT, each) for each in people])
    job = ConsentNotices(store, log, clock=lambda: now[0] / 1000)
    assert job.run(sending_site()) == 2 == job.run(sending_site())
    events: list[Any] = [decode(one.value) for part in log.partitions for one in part]
    assert len({each.id for each in events}) == 2, "the same event again: it counts once"
    for number, event in enumerate(sorted(events, key=lambda each: each.user)):
        person = next(each for each in people if each.user == event.user)
        apply(person, event, Facts(), Settings(), LogPosition(event.user, 0, number))
        assert person.counts.visits == 0
    store.save(
        "default",
        [Write(each.id, store.load("default", [each.id])[each.id].version, each) for each in people],
    )
    now[0] += DAY
    assert job.run(sending_site()) == 0

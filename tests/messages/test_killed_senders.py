"""Two senders and Redis are killed at random while messages go out and consents are withdrawn: nobody gets one twice,
nobody above the cap, nobody later than a second after they withdrew."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from msgspec import structs

from offers.campaign.campaign import Cap
from profiles.model import Consent
from profiles.store.port import ProfilesUnavailable
from tests.support.machine import ROOT, RedisServer
from tests.support.sending import Post, Scripted, buyer, campaign_document

PEOPLE, EVENTS, TOGETHER = 60, 3, 32


class Senders:
    """Processes of their own, started again when they were killed."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self.running = [self._start(f"w{number}") for number in range(2)]

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "tests.support.sending_process", self._url, str(self._folder), name]
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(words, cwd=ROOT, stderr=log)

    def kill(self, number: int) -> None:
        self.running[number].kill()
        self.running[number].wait()
        self.running[number] = self._start(f"w{number}")

    def stop(self) -> None:
        for each in self.running:
            each.kill()
            each.wait()


def withdraw(post: Post, number: int) -> float | None:
    """The moment at which the profile says so; None where Redis was away."""

    def change(profile):
        no = Consent("marketing", False, int(time.time() * 1000), text_version="v1", source="me")
        return structs.replace(profile, consents=[*profile.consents, no])

    try:
        post.profiles.update("default", f"u:{number}", change)
    except ProfilesUnavailable:
        return None
    return time.time()


@pytest.mark.slow
def test_nobody_gets_a_message_twice_whatever_dies(own_redis: RedisServer, tmp_path: Path):
    killed_senders(own_redis, tmp_path, 8)


@pytest.mark.soak
def test_nobody_gets_a_message_twice_in_a_hundred_kills(own_redis: RedisServer, tmp_path: Path):
    killed_senders(own_redis, tmp_path, 100)


def killed_senders(own_redis: RedisServer, tmp_path: Path, rounds: int) -> None:
    draw = random.Random(int(os.environ.get("DANGOL_TEST_SEED", "1")))
    post = Post(own_redis.url, time.time, Scripted(), (Cap(limit=1, per="day"),), folder=tmp_path)
    names = [f"c{number}" for number in range(3)]
    post.live(*(campaign_document(name) for name in names))
    withdrawn: dict[str, float] = {}
    kills = 0
    senders = Senders(own_redis.url, tmp_path)
    try:
        for turn in range(rounds):
            people = range(turn * PEOPLE, (turn + 1) * PEOPLE)
            then = int(time.time() * 1000) - 700_000  # longer ago than a sender waits for ingest
            post.keep(*(buyer(number, then) for number in people))
            for number in people:
                for event in range(EVENTS):
                    post.tell("Product Added", str(number), f"e{number}-{event}", then)
            told = list(post.log.reread())
            post.find()
            post._finder._work(told)  # the log is read again
            for number in draw.sample(people, 10):
                if moment := withdraw(post, number):
                    withdrawn[f"u:{number}"] = moment
            time.sleep(draw.uniform(0.1, 1.0))
            if draw.random() < 0.3:
                own_redis.kill()
                time.sleep(draw.uniform(0, 0.3))
                own_redis.start()
            senders.kill(draw.randrange(2))
            kills += 1
            time.sleep(draw.uniform(0.1, 0.5))
        time.sleep(3)
    finally:
        senders.stop()
    taken = [line.split() for line in (tmp_path / "taken").read_text().splitlines()]
    assert len(taken) > rounds * PEOPLE // 4, "too few were sent for this to prove anything"
    assert [each for each, count in Counter(name for name, _, _ in taken).items() if count > 1] == []
    assert [who for who, count in Counter(who for _, who, _ in taken).items() if count > 1] == []  # the cap
    late = [who for _, who, at in taken if who in withdrawn and float(at) > withdrawn[who] + 1.0]
    assert late == []
    counts = Counter[str]()
    for name in names:
        counts.update(post.ledger.counts("default", name))
    claimed = sum(post.ledger.waiting("default", name)[2] for name in names)
    assert counts["unknown"] + claimed <= 2 * TOGETHER * (kills + 1) + len(taken) * 0.1
    assert counts["handed over"] <= len(taken) <= counts["claimed"]

"""The processes apart, as a deployment of several machines runs them, over a real Redis and a real RabbitMQ."""

from __future__ import annotations

import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dramatiq
import pytest
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker

from messa_platform.core.actors import ActorSpec, Waker, bind, make_broker, sender
from tests.support.brokers import rabbitmq, redis
from tests.support.platform import USER, Platform, a_platform, mail, send_mail
from tests.support.processes import HOST, REPOSITORY, listens

SOON = 2.0
"""Seconds from a mail's 250 to the phone."""

SWEEP = 2.5
"""Seconds within which work is found that nobody was woken for: the sweeper looks once a second."""


BROKERS = {"redis": redis, "rabbitmq": rabbitmq}


@dataclass
class Apart:
    """The platform as four processes over a broker."""

    broker: str
    url: str
    platform: Platform


@pytest.fixture(scope="module", params=BROKERS)
def apart(
    request: pytest.FixtureRequest, server: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Apart]:
    directory = tmp_path_factory.mktemp(request.param)
    with BROKERS[request.param](directory) as url, a_platform(server, template, directory) as platform:
        production = (REPOSITORY / "production.ini").read_text()
        listen = "listen = 127.0.0.1:6543"
        assert listen in production
        ini = directory / "production.ini"
        ini.write_text(production.replace(listen, f"listen = {HOST}:{platform.web_port}"))
        platform.environment.update(
            {
                "MESSA_BROKER_URL": url,
                "MESSA_MESSA_MAIL_DOMAIN": "messa.example",
                "MESSA_SMTP_HOST": HOST,
                "MESSA_SMTP_TRUSTED_RELAYS": "127.0.0.0/8",
                "MESSA_RELAY_HOST": HOST,
                "MESSA_RELAY_STARTTLS": "false",
            }
        )
        assert platform.run("migrate", settings=str(ini), log="migrate.log").end(signal.SIG_DFL) == 0
        platform.children.clear()
        for command in ("worker", "scheduler", "smtp"):
            platform.run(command, settings=str(ini), log=f"{command}.log")
        pserve = str(Path(sys.executable).with_name("pserve"))
        platform.run_program(pserve, str(ini), log="web.log")
        platform.until(platform.is_ready, 60, "the web is ready")
        platform.until(lambda: listens(platform.smtp_port), 60, "SMTP listens")
        yield Apart(request.param, url, platform)


def test_the_main_job_works_with_each_process_apart(apart: Apart) -> None:
    platform = apart.platform
    platform.send(mail("Uppvärmning", subject=""))
    platform.until_on_phone("Uppvärmning", seconds=30)

    begun = platform.send(mail("Från fyra processer", subject="Åäö"))
    number = platform.until_on_phone("Åäö\nFrån fyra processer")["from"]
    seconds = time.monotonic() - begun
    print(f"{apart.broker}: mail to phone {seconds:.3f} s")
    assert seconds < SOON
    platform.until(
        lambda: platform.statuses("Åäö\nFrån fyra processer") == ["QUEUED", "SENT", "DELIVERED"],
        says="delivered",
    )

    known = len(platform.mails(USER))
    begun = time.monotonic()
    platform.reply("Jag svarar, hälsar Åsa", to=number)
    answer = platform.until_mails(USER, known + 1)[-1]
    seconds = time.monotonic() - begun
    print(f"{apart.broker}: reply to mail {seconds:.3f} s")
    assert seconds < SOON
    assert answer["text"].startswith("Jag svarar, hälsar Åsa")


def test_many_mails_at_once_all_arrive_once(apart: Apart) -> None:
    platform = apart.platform
    phones = [f"+4670170{i:04d}" for i in range(60)]

    def send(part: list[str]) -> None:
        for number in part:
            send_mail(platform.smtp_port, mail(f"Till {number}", subject=""), f"{number}@messa.example")

    threads = [threading.Thread(target=send, args=[phones[i::6]]) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    platform.settled(40)
    assert [platform.texts(number) for number in phones] == [[f"Till {number}"] for number in phones]


def test_a_mail_for_which_nobody_was_woken_is_found_by_the_sweeper(apart: Apart) -> None:
    platform = apart.platform
    platform.do(
        "INSERT INTO inbound_mail (id, received_at, next_attempt_at, peer, helo, envelope_sender, recipients, raw)"
        " VALUES (:id, now(), now(), '127.0.0.1', 'mx', :sender, ARRAY['0701740699@messa.example'], :raw)",
        id=uuid.uuid4(),
        sender=USER,
        raw=bytes(mail("Ingen väckte", subject="")),
    )
    begun = time.monotonic()
    platform.until_on_phone("Ingen väckte", "+46701740699")
    seconds = time.monotonic() - begun
    print(f"{apart.broker}: found by the sweeper after {seconds:.3f} s")
    assert seconds < SWEEP


def test_processes_apart_end_in_peace_and_start_again(apart: Apart) -> None:
    platform = apart.platform
    smtp = next(child for child in platform.children if "smtp" in child.command)
    assert smtp.end() == 0
    assert "Traceback" not in smtp.said
    assert not listens(platform.smtp_port)
    platform.children.remove(smtp)
    platform.run(*smtp.command[-1:], settings=smtp.command[-2], log="smtp.log")
    platform.until(lambda: listens(platform.smtp_port), 60, "SMTP listens")
    platform.send(mail("Åter igen", subject=""))
    platform.until_on_phone("Åter igen")


def waiting(broker: dramatiq.Broker, queue: str) -> int:
    """Messages that wait in a queue of a remote broker."""
    if isinstance(broker, RedisBroker):
        return int(broker.client.llen(f"messa:{queue}"))
    assert isinstance(broker, RabbitmqBroker)
    ready, _delayed, _dead = broker.get_queue_message_counts(queue)
    return int(ready)


def test_a_burst_of_wake_ups_is_few_messages_over_one_connection(apart: Apart) -> None:
    broker = make_broker(apart.url)
    specs = [ActorSpec("idle", lambda _runtime, _more: False, queue="nobody_reads_this")]
    bind(broker, specs, None)
    waker = Waker(sender(broker, specs), embedded=False)
    begun = time.monotonic()
    for _ in range(5000):
        waker.wake("idle")
        waker.wake("idle", "other")
    seconds = time.monotonic() - begun
    waker.close()
    sent = waiting(broker, "nobody_reads_this")
    print(f"{apart.broker}: 10,000 wake-ups in {seconds:.3f} s were {sent} messages")
    assert 2 <= sent <= 4 + 2 * seconds / 0.02
    if isinstance(broker, RabbitmqBroker):
        assert len(broker.connections) <= 2  # the waker's, and the one that counted
    broker.flush_all()
    broker.close()


def test_work_is_found_while_the_broker_is_away(apart: Apart) -> None:
    """The last test of a broker's round: it takes the broker from the web and the SMTP server, which go on."""
    platform = apart.platform
    smtp = next(child for child in platform.children if "smtp" in child.command)
    assert smtp.end() == 0
    platform.children.remove(smtp)
    platform.environment["MESSA_BROKER_URL"] = apart.url.split("@")[0].split("//")[0] + f"//{HOST}:9/"
    platform.run(*smtp.command[-1:], settings=smtp.command[-2], log="smtp-away.log")
    platform.until(lambda: listens(platform.smtp_port), 60, "SMTP listens")
    begun = platform.send(mail("Utan mellanhand", subject=""))
    platform.until_on_phone("Utan mellanhand")
    seconds = time.monotonic() - begun
    print(f"{apart.broker}: without it {seconds:.3f} s")
    assert seconds < SWEEP + SOON

"""Through a real Postfix, as mail comes to us in the world: Debian's package, an instance of the test's own."""

from __future__ import annotations

import os
import shutil
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path

import pytest

from tests.support.platform import ANNA, ANNAS_PHONE, USER, Platform, a_platform, mail
from tests.support.processes import HOST, Child, free_port, listens, program, wait_for

# Postfix's master starts for root only; for others fakeroot plays root (Debian's package of that name).
AS_ROOT = [] if os.geteuid() == 0 else [program("fakeroot", "fakeroot"), "--"]

SOON = 2.0
"""Seconds from the relay's 250 to the phone."""

# The parts of Debian's master.cf that a relay needs, none of them in a chroot.
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 1 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
flush     unix  n - n 1000? 0 flush
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
proxymap  unix  - - n - - proxymap
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
"""

MAIN = """
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/log
maillog_file_prefixes = {home}
myhostname = relay.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:{next_port}
smtpd_peername_lookup = no
smtputf8_enable = yes
local_recipient_maps =
alias_maps =
alias_database =
smtpd_recipient_restrictions = permit_mynetworks, reject
smtp_tls_security_level = may
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
import_environment = MAIL_CONFIG MAIL_LOGTAG TZ LANG=C LD_PRELOAD LD_LIBRARY_PATH FAKEROOTKEY FAKED_MODE
"""
# The last line lets fakeroot reach the master's children, which otherwise start with an environment of their own.


@dataclass(frozen=True)
class Postfix:
    """An instance of Postfix that hands everything on."""

    home: Path
    port: int

    @property
    def start(self) -> list[str]:
        """The command that runs it, until it is ended."""
        # in one session of fakeroot, whose services last as long as the command
        script = 'chown postfix "$0/data" && exec "$1" -c "$0" start-fg'
        return [*AS_ROOT, "sh", "-c", script, str(self.home), program("postfix", "postfix")]

    def stop(self) -> None:
        """End it and its services."""
        command = [*AS_ROOT, program("postfix", "postfix"), "-c", str(self.home), "stop"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}{self.said}"

    @property
    def said(self) -> str:
        """Its log."""
        log = self.home / "log"
        return log.read_text() if log.exists() else ""

    @property
    def is_idle(self) -> bool:
        """Whether its queues are empty."""
        queues = [self.home / "queue" / name for name in ("maildrop", "incoming", "active", "deferred")]
        return not any(path.is_file() for queue in queues for path in queue.rglob("*"))

    def send(self, message: EmailMessage, *recipients: str, utf8: bool = False) -> float:
        """Hand a mail over; when it was answered 250, by the monotonic clock."""
        with smtplib.SMTP(HOST, self.port, timeout=30) as smtp:
            smtp.ehlo("sender.test")
            options = ["SMTPUTF8"] if utf8 else []
            assert not smtp.sendmail(USER, recipients or (ANNA,), bytes(message), mail_options=options)
            return time.monotonic()


@pytest.fixture(scope="module")
def platform(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with a_platform(server, template, tmp_path_factory.mktemp("platform")) as made:
        yield made.start()


@pytest.fixture(scope="module")
def postfix(platform: Platform) -> Iterator[Postfix]:
    # Its services run as the user `postfix` and must reach their queue, so pytest's own directories, closed to others, will not do.
    home = Path(tempfile.mkdtemp(prefix="messa-postfix-"))
    relay = Postfix(home, free_port())
    try:
        home.chmod(0o755)
        (home / "master.cf").write_text(MASTER.format(port=relay.port))
        (home / "main.cf").write_text(MAIN.format(home=home, next_port=platform.smtp_port))
        (home / "queue").mkdir()
        (home / "data").mkdir()
        running = Child(relay.start, home / "output").until(lambda: listens(relay.port))
        yield relay
        relay.stop()
        running.process.wait(20)
        wait_for(lambda: not listens(relay.port), says="Postfix has ended")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_a_mail_through_postfix_is_on_the_phone_at_once(platform: Platform, postfix: Postfix) -> None:
    begun = postfix.send(mail("Från Åre till Östersund\nmed älgen på släp", subject="Resväg på fjället"))
    platform.until_on_phone("Resväg på fjället\nFrån Åre till Östersund\nmed älgen på släp")
    seconds = time.monotonic() - begun
    print(f"Postfix to phone: {seconds:.3f} s")
    assert seconds < SOON, postfix.said


def test_many_mails_through_postfix_all_arrive_once(platform: Platform, postfix: Postfix) -> None:
    phones = [f"+4670140{i:04d}" for i in range(30)]
    for i, number in enumerate(phones):
        postfix.send(mail(f"Nummer {i}", subject=""), f"{number}@messa.example")
    wait_for(lambda: postfix.is_idle, 20, "Postfix has handed all on")
    platform.settled()
    assert [platform.texts(number) for number in phones] == [[f"Nummer {i}"] for i in range(30)]


def test_an_eight_bit_mail_and_an_address_in_utf8_come_through(platform: Platform, postfix: Postfix) -> None:
    message = EmailMessage()
    message["From"] = "Göran Åkesson <göran@demo.example>"
    message["To"] = ANNA
    message["Subject"] = "Överföring"
    message.set_content("Åtta bitar rakt igenom\n", charset="utf-8", cte="8bit")
    raw = message.as_bytes(policy=SMTPUTF8)
    with smtplib.SMTP(HOST, postfix.port, timeout=30) as smtp:
        smtp.ehlo("sender.test")
        smtp.sendmail("göran@demo.example", [ANNA], raw, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    platform.until_on_phone("Överföring\nÅtta bitar rakt igenom")
    assert (
        platform.value("SELECT display_name FROM account WHERE address = 'göran@demo.example'")
        == "Göran Åkesson"
    )


def test_a_mail_that_comes_while_we_are_down_waits_in_postfix_and_arrives(
    platform: Platform, postfix: Postfix
) -> None:
    platform.stop()
    postfix.send(mail("Kom fram till slut", subject=""), f"{ANNAS_PHONE}@messa.example")
    wait_for(lambda: "status=deferred" in postfix.said, says="Postfix has tried in vain")
    platform.start()
    platform.until_on_phone("Kom fram till slut")

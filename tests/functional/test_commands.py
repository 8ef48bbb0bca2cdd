"""The `messa` command as people and service managers use it."""

from __future__ import annotations

import os
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine, text

from messa_platform.cli import main
from messa_platform.core.embedded import attach
from messa_platform.core.settings import declared
from messa_platform.runtime import SECTIONS
from tests.support.platform import (
    ANNAS_PHONE,
    MESSA,
    USER,
    Platform,
    a_platform,
    database_of,
    mail,
    send_mail,
)
from tests.support.processes import HOST, REPOSITORY, Answer, Child, ask, free_port, listens, wait_for

DEVELOPMENT = REPOSITORY / "development.ini"


def messa(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*MESSA, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def settings_with(directory: Path, *lines: str) -> str:
    """The demo's settings with more lines in their section, in a file of their own; its path."""
    file = directory / "messa.ini"
    file.write_text(DEVELOPMENT.read_text().replace("[app:main]\n", "\n".join(["[app:main]", *lines, ""])))
    return str(file)


def test_every_setting_is_listed_with_its_default_and_a_sentence() -> None:
    done = messa("settings")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    named = {line.partition("  ")[0]: i for i, line in enumerate(lines) if not line.startswith(" ")}
    assert named.keys() == declared(SECTIONS).keys()
    assert "smtp.port  (2525)" in lines
    assert "relay.password  (from the environment)" in lines
    assert all(lines[i + 1].startswith("    ") and lines[i + 1].endswith((".", "…")) for i in named.values())


def test_a_misspelt_setting_stops_the_start_and_is_named(tmp_path: Path) -> None:
    done = messa("--settings", settings_with(tmp_path, "smtp.prot = 25", "web.prot = 80"), "serve")
    assert done.returncode == 2
    assert "smtp.prot: no such setting" in done.stderr
    assert "web.prot: no such setting" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_misspelt_setting_stops_the_demo_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--settings", settings_with(tmp_path, "smtp.prot = 25"), "run"]) == 2
    assert "smtp.prot: no such setting" in capsys.readouterr().err


def test_a_value_that_does_not_fit_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESSA_SMTP_PORT", "twenty-five")
    assert main(["--settings", str(DEVELOPMENT), "serve"]) == 2
    assert "smtp.port: 'twenty-five' is not a whole number" in capsys.readouterr().err


def test_a_secret_in_the_file_is_refused_without_being_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--settings", settings_with(tmp_path, "relay.password = hemligt99"), "serve"]) == 2
    said = capsys.readouterr().err
    assert "MESSA_RELAY_PASSWORD" in said
    assert "hemligt99" not in said


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--settings", str(tmp_path / "none.ini"), "serve"]) == 2
    assert "none.ini: no such file" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["smtp", "worker", "scheduler"])
def test_apart_from_each_other_with_an_embedded_broker_they_refuse_to_start(command: str) -> None:
    done = messa(command)
    assert done.returncode == 2
    assert "broker.url is embedded: its messages stay in one process" in done.stderr
    assert "MESSA_BROKER_URL" in done.stderr


def test_the_web_alone_with_an_embedded_broker_refuses_to_start() -> None:
    pserve = Path(sys.executable).with_name("pserve")
    done = subprocess.run(
        [pserve, "development.ini"], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert "broker.url is embedded: its messages stay in one process" in done.stderr


WRONG_PLACES = {
    "broker.url: use embedded, redis://… or amqp://…": {"MESSA_BROKER_URL": "kafka://127.0.0.1"},
    "DATABASE_URL: is not a PostgreSQL address": {"DATABASE_URL": "mysql://127.0.0.1/messa"},
    "DATABASE_URL: is not a PostgreSQL address ": {"DATABASE_URL": "messa"},
    "the database does not answer": {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/messa"},
}


@pytest.mark.parametrize("says", WRONG_PLACES)
def test_a_wrong_place_of_database_or_broker_is_told_in_a_line(says: str) -> None:
    redis = {
        "MESSA_BROKER_URL": "redis://127.0.0.1:9/0",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/messa",
    }
    done = messa("migrate" if "answer" in says else "worker", **{**redis, **WRONG_PLACES[says]})
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_certificate_that_is_not_there_is_named(server: str, template: str, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    with database_of(server, template) as url:
        done = messa(
            "serve",
            DATABASE_URL=url,
            MESSA_SMTP_PORT=str(free_port()),
            MESSA_SMTP_TLS_CERTIFICATE=missing,
            MESSA_SMTP_TLS_KEY=missing,
        )
    assert done.returncode == 2
    assert "smtp.tls_certificate" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("which", ["web", "smtp"])
def test_a_port_in_use_is_named_and_nothing_stays_behind(server: str, template: str, which: str) -> None:
    with database_of(server, template) as url, socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        ports = {"web": free_port(), "smtp": free_port(), which: port}
        done = messa(
            "serve", DATABASE_URL=url, MESSA_WEB_PORT=str(ports["web"]), MESSA_SMTP_PORT=str(ports["smtp"])
        )
    assert done.returncode == 2
    assert f"{which}.port: cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_processes_that_migrate_at_once_take_turns(server: str, tmp_path: Path) -> None:
    with database_of(server, "template1") as url:
        children = [
            Child([*MESSA, "migrate"], tmp_path / f"{i}.log", {"DATABASE_URL": url}) for i in range(3)
        ]
        assert [child.process.wait(60) for child in children] == [0, 0, 0], [c.said for c in children]
        engine = create_engine(url)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM tenant WHERE slug = 'demo'")).scalar() == 1
        engine.dispose()


@pytest.fixture(scope="module")
def platform(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with a_platform(server, template, tmp_path_factory.mktemp("platform")) as made:
        yield made


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_at_once_and_in_peace(platform: Platform, number: signal.Signals) -> None:
    platform.start()
    platform.send(mail(f"Före {number.name}"))
    (child,) = platform.children
    begun = time.monotonic()
    assert child.end(number) == 0
    print(f"ended in {time.monotonic() - begun:.2f} s")
    assert time.monotonic() - begun < 5
    assert "Traceback" not in child.said
    assert not listens(platform.web_port)
    assert not listens(platform.smtp_port)
    platform.children.clear()


def test_a_deployment_that_is_no_demo_takes_mail_from_listed_relays_only_and_says_so(
    platform: Platform,
) -> None:
    platform.start(MESSA_MESSA_DEMO="false")
    with smtplib.SMTP(HOST, platform.smtp_port, timeout=30) as smtp:
        smtp.ehlo("mx.demo.example")
        code, why = smtp.mail(USER)
    assert (code, why.split()[0]) == (550, b"5.7.1")
    (child,) = platform.children
    assert "senders_not_verified" in child.said
    assert "relays=[]" in child.said
    platform.stop()
    platform.environment["MESSA_MESSA_DEMO"] = "true"


def test_what_was_left_at_the_end_is_done_at_the_next_start(platform: Platform) -> None:
    platform.do(
        "INSERT INTO inbound_mail (id, received_at, next_attempt_at, peer, helo, envelope_sender, recipients, raw)"
        " VALUES (gen_random_uuid(), now(), now(), '127.0.0.1', 'mx', :sender, ARRAY['0701740699@messa.example'], :raw)",
        sender=USER,
        raw=bytes(mail("Låg kvar", subject="")),
    )
    platform.start()
    platform.until_on_phone("Låg kvar", "+46701740699", 5)


def test_without_its_json_the_log_says_no_word_of_what_people_wrote(platform: Platform) -> None:
    secret = "Jordgubbstårtan är beställd"
    platform.stop()
    platform.start(MESSA_MESSA_LOG_LEVEL="DEBUG", MESSA_MESSA_LOG_FORMAT="json")
    platform.send(mail(secret, subject="Kalas"), "+46701740698@messa.example")
    number = platform.until_on_phone(f"Kalas\n{secret}", "+46701740698")["from"]
    platform.reply("Jordgubbstårtan hämtas kl 9", to=number, phone="+46701740698")
    platform.until_mails(USER)
    platform.settled()
    said = platform.children[0].said
    assert "mail_stored" in said
    assert "ordgubbst" not in said
    assert "Kalas" not in said


@dataclass
class Demo:
    """`messa run` in a directory of its own, on free ports, with the embedded database."""

    directory: Path
    ports: dict[str, int]

    def start(self) -> Child:
        """Start it and wait for its greeting."""
        environment = {
            "DATABASE_URL": "",
            "MESSA_WEB_PORT": str(self.ports["web"]),
            "MESSA_SMTP_PORT": str(self.ports["smtp"]),
            "MESSA_RELAY_PORT": str(self.ports["relay"]),
            "MESSA_WEB_SIMULATOR_URL": f"http://{HOST}:{self.ports['simulator']}",
        }
        ini = str(self.directory / "development.ini")
        gateway = ("--gateway-port", str(self.ports["gateway"]), "--delivery-ms", "20")
        log = self.directory / f"run-{uuid.uuid4().hex}.log"
        child = Child([*MESSA, "--settings", ini, "run", *gateway], log, environment)
        return child.until(lambda: "messa is up." in child.said)

    def get(self, path: str) -> Answer:
        return ask(self.ports["web"], "GET", path, None)

    def texts(self) -> list[str]:
        """What the phone has received, asked through the platform's own web server."""
        return [one["text"] for one in self.get(f"/simulator/phones/{ANNAS_PHONE}").json]

    def left_over(self) -> list[str]:
        """Processes that have to do with this directory or these ports."""
        marks = [str(self.directory), *(f"{HOST}:{port}" for port in self.ports.values())]
        found = []
        for process in psutil.process_iter(["cmdline", "name"]):
            line = " ".join(process.info["cmdline"] or [])
            if any(mark in line for mark in marks) and process.pid != os.getpid():
                found.append(line)
        return found


@pytest.fixture
def demo_run() -> Iterator[Demo]:
    # not pytest's own directory: the embedded server of root runs as another user, who must get there
    directory = Path(tempfile.mkdtemp(prefix="messa-run-", dir="/var/tmp"))
    directory.chmod(0o755)
    shutil.copy(DEVELOPMENT, directory)
    yield Demo(directory, {name: free_port() for name in ("web", "smtp", "relay", "simulator", "gateway")})
    shutil.rmtree(directory)


def test_the_demo_starts_whole_says_where_it_is_ends_at_ctrl_c_and_keeps_its_data(demo_run: Demo) -> None:
    begun = time.monotonic()
    child = demo_run.start()
    print(f"first start: {time.monotonic() - begun:.1f} s")
    try:
        for name in ("web", "smtp"):
            assert f"{HOST}:{demo_run.ports[name]}" in child.said
        assert "user@demo.example" in child.said
        assert demo_run.get("/readyz").json == {"ready": True, "missing": {}}
        with attach(demo_run.directory / "var" / "postgresql") as held:
            point_channel(held.url, demo_run.ports["gateway"])
        send_mail(demo_run.ports["smtp"], mail("Kvar efter omstart", subject=""))
        wait_for(lambda: demo_run.texts() == ["Kvar efter omstart"], says="the text is on the phone")
        assert demo_run.left_over() != []
        assert child.end(signal.SIGINT) == 0
        assert "messa has ended." in child.said
        wait_for(lambda: not demo_run.left_over(), says="every process has ended")

        begun = time.monotonic()
        child = demo_run.start()
        print(f"second start: {time.monotonic() - begun:.1f} s")
        assert demo_run.texts() == ["Kvar efter omstart"]
        with attach(demo_run.directory / "var" / "postgresql") as held:
            assert count_of(held.url, "Kvar efter omstart") == 1
        assert child.end(signal.SIGHUP) == 0  # the terminal was closed
        wait_for(lambda: not demo_run.left_over(), says="every process has ended")

        child = demo_run.start()
        child.kill()
        wait_for(
            lambda: not demo_run.left_over(), 30, "every process has ended after kill -9 of their parent"
        )
    finally:
        if child.runs:
            child.end()


def point_channel(url: str, port: int) -> None:
    """Make the demo's channel speak to this run's simulator."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE channel SET settings = settings || jsonb_build_object('port', CAST(:port AS int)) WHERE plugin = 'simulator'"
            ),
            {"port": port},
        )
    engine.dispose()


def count_of(url: str, content: str) -> int:
    """How many messages have this text."""
    engine = create_engine(url)
    with engine.connect() as connection:
        count = connection.execute(text("SELECT count(*) FROM message WHERE text = :t"), {"t": content})
        found = int(count.scalar_one())
    engine.dispose()
    return found


def test_the_demo_ends_whole_when_one_of_its_two_processes_cannot_start(demo_run: Demo) -> None:
    with (
        socket.create_server((HOST, demo_run.ports["relay"])),
        pytest.raises(AssertionError, match="ended with 1"),
    ):
        demo_run.start()
    wait_for(lambda: not demo_run.left_over(), says="every process has ended")

"""Who may speak to the SMTP server: over TLS, through a load balancer, as a listed relay (spec M11)."""

from __future__ import annotations

import smtplib
import socket
import ssl
import struct
import subprocess
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.support.platform import ANNA, mail
from tests.support.processes import HOST, program
from tests.support.smtp_server import LOOPBACK, SENDER, Serve, Served


def certificate(directory: Path) -> tuple[str, str]:
    """A certificate of our own and its key, as files."""
    chain, key = str(directory / "chain.pem"), str(directory / "key.pem")
    subprocess.run(
        [
            *(program("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *(
                "-subj",
                "/CN=messa.example",
                "-addext",
                "subjectAltName=DNS:messa.example",
                "-keyout",
                key,
                "-out",
                chain,
            ),
        ],
        check=True,
        capture_output=True,
    )
    return chain, key


def test_with_a_certificate_mail_comes_in_over_tls(serve: Serve, tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    served = serve(tls_certificate=chain, tls_key=key)
    trusting = ssl.create_default_context(cafile=chain)
    trusting.check_hostname = False
    with smtplib.SMTP(HOST, served.port, timeout=20) as smtp:
        smtp.starttls(context=trusting)
        smtp.sendmail(SENDER, [ANNA], bytes(mail("Hemligt")))
    assert [row.envelope_sender for row in served.rows()] == [SENDER]


def test_what_was_slipped_in_before_the_handshake_is_forgotten_with_it(serve: Serve, tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    served = serve(tls_certificate=chain, tls_key=key)
    trusting = ssl.create_default_context(cafile=chain)
    trusting.check_hostname = False
    with smtplib.SMTP(HOST, served.port, timeout=20) as smtp:
        smtp.ehlo("mx.kommun.example")
        # RFC 3207, 4.2: nothing said before STARTTLS counts after it
        smtp.send(f"STARTTLS\r\nEHLO x\r\nMAIL FROM:<mallory@kommun.example>\r\nRCPT TO:<{ANNA}>\r\n")
        assert smtp.getreply()[0] == 220
        assert smtp.sock is not None
        smtp.sock = trusting.wrap_socket(smtp.sock)
        smtp.file = None
        assert smtp.ehlo("mx.kommun.example")[0] == 250
        assert smtp.docmd(f"RCPT TO:<{ANNA}>")[0] == 503
        smtp.sendmail(SENDER, [ANNA], bytes(mail()))
    assert [row.envelope_sender for row in served.rows()] == [SENDER]


def test_without_a_certificate_tls_is_not_offered(served: Served) -> None:
    with served.connect() as smtp:
        assert not smtp.has_extn("starttls")


V2 = b"\r\n\r\n\x00\r\nQUIT\n"
PROXY_HEADERS = {
    "v1": b"PROXY TCP4 192.0.2.7 192.0.2.1 50000 25\r\n",
    "v1 over IPv6": b"PROXY TCP6 2001:db8::7 2001:db8::1 50000 25\r\n",
    "v2": V2
    + b"\x21\x11"
    + struct.pack("!H4s4sHH", 12, bytes([192, 0, 2, 7]), bytes([192, 0, 2, 1]), 50000, 25),
}


@pytest.mark.parametrize("version", PROXY_HEADERS)
def test_behind_a_load_balancer_the_client_is_the_one_that_it_names(serve: Serve, version: str) -> None:
    served = serve(proxies=LOOPBACK, trusted=(ip_network("192.0.2.7/32"), ip_network("2001:db8::7/128")))
    with socket.create_connection((HOST, served.port), timeout=20) as raw:
        raw.sendall(PROXY_HEADERS[version])
        smtp = smtplib.SMTP(timeout=20)
        smtp.sock = raw
        assert smtp.getreply()[0] == 220
        smtp.sendmail(SENDER, [ANNA], bytes(mail()))
        smtp.quit()
    assert [row.peer for row in served.rows()] == ["2001:db8::7" if "IPv6" in version else "192.0.2.7"]


def test_behind_a_load_balancer_a_stranger_is_refused_though_the_balancer_is_trusted(serve: Serve) -> None:
    served = serve(proxies=LOOPBACK, trusted=LOOPBACK)
    with socket.create_connection((HOST, served.port), timeout=20) as raw:
        raw.sendall(PROXY_HEADERS["v1"])
        smtp = smtplib.SMTP(timeout=20)
        smtp.sock = raw
        assert smtp.getreply()[0] == 220
        smtp.ehlo("x")
        assert smtp.docmd(f"MAIL FROM:<{SENDER}>")[0] == 550
        smtp.quit()


def test_a_proxy_line_from_one_that_is_no_load_balancer_of_ours_is_not_believed(serve: Serve) -> None:
    served = serve(proxies=(ip_network("198.51.100.1/32"),), trusted=(ip_network("192.0.2.7/32"),))
    with socket.create_connection((HOST, served.port), timeout=20) as raw:
        raw.sendall(PROXY_HEADERS["v1"])
        assert not raw.recv(100).startswith(b"220")


def test_where_a_load_balancer_is_expected_nobody_else_is_greeted(serve: Serve) -> None:
    served = serve(proxies=LOOPBACK)
    with socket.create_connection((HOST, served.port), timeout=20) as raw:
        raw.sendall(b"EHLO direct.example\r\n")
        assert raw.recv(100) == b""


def test_without_the_setting_a_proxy_line_is_no_more_than_an_unknown_command(served: Served) -> None:
    with served.connect() as smtp:
        assert smtp.docmd("PROXY TCP4 192.0.2.7 192.0.2.1 50000 25")[0] == 500


def test_a_peer_that_is_no_listed_relay_is_refused(serve: Serve) -> None:
    with serve(trusted=(ip_network("192.0.2.0/24"),)).connect() as smtp:
        code, why = smtp.docmd(f"MAIL FROM:<{SENDER}>")
    assert code == 550
    assert why.startswith(b"5.7.1 Mail is taken from listed relays only")

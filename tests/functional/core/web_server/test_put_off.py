"""Requests that are put off: they take no thread, and are answered by whoever knows the answer."""

from __future__ import annotations

import contextlib
import socket
import struct
import time

import pytest

from messa_platform.core.web_server import (
    WebServer,
)
from tests.support.processes import HOST, wait_for
from tests.support.served import App, Connect, busy_within, get, heard, requests


def test_requests_that_are_put_off_take_no_thread_and_are_answered_whenever_it_is_time(
    server: WebServer, app: App, connect: Connect
) -> None:
    many = [connect() for _ in range(20)]  # of four threads
    for connection in many:
        connection.request("GET", "/later")
    wait_for(lambda: len(app.put_off) == 20)
    assert get(connect(), "/page") == (200, b"page0")
    for n, answer in enumerate(app.put_off):
        answer(f"answer {n}")
    said = []
    for connection in many:
        said.append(connection.getresponse().read().decode())
        assert get(connection, "/page") == (200, b"page0"), "the connection is of use afterwards"
    assert sorted(said) == sorted(f"answer {n}" for n in range(20))


def test_a_request_that_is_put_off_may_be_answered_before_the_application_has_let_go_of_it(
    connect: Connect,
) -> None:
    connection = connect()
    for _ in range(50):
        assert get(connection, "/at-once") == (200, b"already")


def test_what_comes_behind_a_request_that_is_put_off_waits_for_its_answer(
    server: WebServer, app: App
) -> None:
    with contextlib.closing(socket.create_connection((HOST, server.port))) as connection:
        connection.sendall(requests("/later", "/at-once", "/page"))
        wait_for(lambda: app.put_off)
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        app.put_off.pop()("first")
        connection.settimeout(5)
        said = heard(connection, b"page0")
    assert said.index(b"first") < said.index(b"already") < said.index(b"page0")


def test_who_hangs_up_before_the_answer_to_a_request_that_was_put_off_harms_nobody(
    server: WebServer, app: App, connect: Connect
) -> None:
    for _ in range(3):
        with contextlib.closing(socket.create_connection((HOST, server.port))) as hasty:
            hasty.sendall(requests("/later"))
            wait_for(lambda: app.put_off)
            hasty.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(0.1)
        app.put_off.pop()("to nobody")
    assert get(connect(), "/page") == (200, b"page0")
    wait_for(lambda: busy_within(1) < 0.3)

"""The guarded way out (see `outbound`) for code in an event loop, with many requests in flight and connections that are kept."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import json as json_
import socket
import ssl
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from messa_platform.core.destinations import split
from messa_platform.core.outbound import MAX_TRIES, Answer, Fault, NoAnswer, Outbound

KEPT = 4.0
"""Seconds for which an idle connection is kept: servers keep them longer, so that none is closed just when something is sent on it, which
would leave nobody knowing what became of that."""
MOST_AT_ONCE = 200
"""Connections to one host."""


_SECURE: ContextVar[bool] = ContextVar("messa.secure", default=True)
"""Whether the request for which is looked up goes by https, which the look-up itself is not told."""


class _Refused(OSError):
    """The guard lets nobody there."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class _Resolver(AbstractResolver):
    """Gives the addresses that the guard has checked; asked once for each connection, which then goes to one of them."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await asyncio.to_thread(self._outbound.addresses, host, port, _SECURE.get())
        if isinstance(found, NoAnswer):
            raise _Refused(found.fault)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in found
        ]

    async def close(self) -> None:
        """Nothing is held."""


class AsyncOutbound:
    """Requests by `outbound`'s rules. To be made, used and closed in one event loop."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Any = None,
        user: tuple[str, str] | None = None,
    ) -> Answer | NoAnswer:
        """Ask; see `providers.base.Http`. Raises nothing for what the network does."""
        if fault := self._fault(url):
            return NoAnswer(fault)
        asked: dict[str, Any] = {"params": query, "headers": dict(headers or {}), "data": form}
        if json is not None:
            asked["data"] = json_.dumps(json, ensure_ascii=False, separators=(",", ":")).encode()
            asked["headers"].setdefault("Content-Type", "application/json")
        if user is not None:
            asked["headers"]["Authorization"] = _basic(*user)
        try:
            async with self._opened().request(method, url, allow_redirects=False, **asked) as answer:
                return await self._read(answer)
        except aiohttp.ClientConnectorCertificateError:
            return NoAnswer(Fault.BAD_CERTIFICATE)
        except aiohttp.ConnectionTimeoutError:  # while connecting
            return NoAnswer(Fault.TOO_SLOW)
        except aiohttp.ClientConnectorError as error:
            return NoAnswer(_why_not_connected(error))
        except TimeoutError:
            return NoAnswer(Fault.TOO_SLOW, sent=True)
        except (aiohttp.ClientError, OSError, ValueError):
            return NoAnswer(Fault.BROKEN, sent=True)

    async def dial(
        self, protocol: Callable[[], asyncio.BaseProtocol], host: str, port: int, *, secure: bool
    ) -> NoAnswer | None:
        """Connect; see `providers.base.Dial`. Raises nothing for what the network does."""
        found = await asyncio.to_thread(self._outbound.session_addresses, host, port)
        if isinstance(found, NoAnswer):
            return found
        loop, fault = asyncio.get_running_loop(), Fault.UNREACHABLE
        named: dict[str, Any] = {"ssl": self._outbound.context, "server_hostname": host} if secure else {}
        for address in found[:MAX_TRIES]:
            try:
                async with asyncio.timeout(self._outbound.settings.timeout / 2):
                    await loop.create_connection(protocol, address, port, **named)
            except ssl.SSLCertVerificationError:
                fault = Fault.BAD_CERTIFICATE
            except OSError:  # TimeoutError is one
                continue
            else:
                return None
        return NoAnswer(fault)

    def _fault(self, url: str) -> Fault | None:
        """What speaks against a URL before anything is looked up. An address in the place of a name is nobody's to resolve, so it is
        checked here."""
        target = split(url)
        if target is None:
            return Fault.BAD_URL
        _SECURE.set(target.secure)
        found = self._outbound.may_ask(target)
        if found is None and _is_address(target.host):
            checked = self._outbound.addresses(target.host, target.port, target.secure)
            found = checked.fault if isinstance(checked, NoAnswer) else None
        return found

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            settings = self._outbound.settings
            connector = aiohttp.TCPConnector(
                resolver=_Resolver(self._outbound),
                ssl=self._outbound.context,
                use_dns_cache=False,
                keepalive_timeout=KEPT,
                limit=0,
                limit_per_host=MOST_AT_ONCE,
            )
            # a wait for a connection of one's own is no wait for the server: it must not end as if something had been sent
            timeout = aiohttp.ClientTimeout(
                total=None, sock_connect=settings.timeout / 2, sock_read=settings.timeout
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=timeout,
                headers={"User-Agent": "messa"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
            # it would ask again by itself where a kept connection breaks under a GET, which to some gateways is a text
            self._session._retry_connection = False
        return self._session

    async def _read(self, answer: aiohttp.ClientResponse) -> Answer | NoAnswer:
        if 300 <= answer.status < 400:
            return NoAnswer(Fault.REDIRECT, sent=True)
        most = self._outbound.settings.max_bytes
        body = bytearray()
        async with asyncio.timeout(self._outbound.settings.timeout):
            async for piece in answer.content.iter_chunked(65_536):
                body += piece
                if len(body) > most:
                    return NoAnswer(Fault.TOO_LARGE, sent=True)
        return Answer(
            answer.status, {name.lower(): value for name, value in answer.headers.items()}, bytes(body)
        )

    async def close(self) -> None:
        """Close the connections that are kept."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _basic(name: str, password: str) -> str:
    """The header of RFC 7617; a name with a colon in it is sent as it is, and is no name to the server."""
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _why_not_connected(error: aiohttp.ClientConnectorError) -> Fault:
    cause: BaseException | None = error.os_error
    if isinstance(cause, _Refused):
        return cause.fault
    return Fault.UNREACHABLE

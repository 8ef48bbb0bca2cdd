"""How often somebody may ask: token buckets, exact across processes where there is a Redis (spec V7).

A bucket holds `burst` tokens and gets `rate` of them a second; a request takes one from each of its buckets, or none from any. What is kept of
a bucket is when it will be full again, one number (the generic cell rate algorithm, ITU-T I.371: the same decisions as a bucket).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import redis

from messa_platform.core.logs import logger
from messa_platform.core.settings import key

log = logger(__name__)


@dataclass(frozen=True)
class RateSettings:
    """How often the interfaces may be asked."""

    SECTION: ClassVar[str] = "rate"
    key_rate: float = key(50.0, "Requests a second that one key may make for long.")
    key_burst: int = key(200, "Requests that one key may make at once.")
    tenant_rate: float = key(200.0, "Requests a second that all keys of a tenant may make for long.")
    tenant_burst: int = key(1000, "Requests that all keys of a tenant may make at once.")
    stranger_rate: float = key(5.0, "Requests with an unknown key that one network may make a second.")
    stranger_burst: int = key(50, "Requests with an unknown key that one network may make at once.")

    def __post_init__(self) -> None:
        for name in ("key", "tenant", "stranger"):
            if getattr(self, f"{name}_rate") <= 0 or getattr(self, f"{name}_burst") < 1:
                raise ValueError(f"rate.{name}_rate, rate.{name}_burst: are not both above zero")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A limit of somebody: `name` is told to who asks, `owner` is whose it is. `rate` in tokens a second."""

    name: str
    owner: str
    rate: float
    burst: int

    @property
    def place(self) -> str:
        """Under what it is kept."""
        return f"messa:rate:{self.name}:{self.owner}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may be made. `bucket` is the one that decided, or has the least left; `remaining` its tokens.

    `reset` is in how many seconds it will be full again, `retry_after` in how many a request may be made again, 0 if one was.
    """

    allowed: bool
    bucket: Bucket
    remaining: int
    reset: float
    retry_after: float

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers-10 has them; over the limit with `Retry-After` (RFC 9110, 10.2.3)."""
        bucket = self.bucket
        window = math.ceil(bucket.burst / bucket.rate)
        told = {
            "RateLimit-Policy": f'"{bucket.name}";q={bucket.burst};w={window}',
            "RateLimit": f'"{bucket.name}";r={self.remaining};t={math.ceil(self.reset)}',
        }
        return told if self.allowed else {**told, "Retry-After": str(max(1, math.ceil(self.retry_after)))}


class Store(Protocol):
    """Where the buckets are kept."""

    def take(self, buckets: Sequence[Bucket], cost: int) -> tuple[bool, list[float]]:
        """Take `cost` tokens from each bucket if all have them. Gives whether that was done, and in how many seconds each is full after it,
        or would have been."""


class MemoryStore:
    """Buckets of one process."""

    MOST = 50_000
    """Buckets that are kept; those that are full anyway are dropped first."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._full_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, buckets: Sequence[Bucket], cost: int) -> tuple[bool, list[float]]:
        """See `Store`."""
        now = self._now()
        with self._lock:
            after = [max(0.0, self._full_at.get(b.place, now) - now) + cost / b.rate for b in buckets]
            done = all(a <= b.burst / b.rate + 1e-9 for a, b in zip(after, buckets, strict=True))
            if done:
                self._full_at.update({b.place: now + a for a, b in zip(after, buckets, strict=True)})
                if len(self._full_at) > self.MOST:
                    self._drop(now)
        return done, after

    def _drop(self, now: float) -> None:
        self._full_at = {place: at for place, at in self._full_at.items() if at > now}


# Redis' own clock is asked, so that machines whose clocks differ agree. A bucket that is full needs not be kept.
_TAKE = """
local now = redis.call('TIME')
now = tonumber(now[1]) + tonumber(now[2]) / 1000000
local cost = tonumber(ARGV[1])
local after, done = {}, 1
for i, place in ipairs(KEYS) do
    local rate, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local full = tonumber(redis.call('GET', place) or now)
    after[i] = math.max(0, full - now) + cost / rate
    if after[i] > burst / rate + 1e-6 then done = 0 end
end
local told = {done}
for i, place in ipairs(KEYS) do
    if done == 1 then
        redis.call('SET', place, string.format('%.6f', now + after[i]), 'PX', math.ceil(after[i] * 1000))
    end
    told[i + 1] = string.format('%.6f', after[i])
end
return told
"""


class RedisStore:
    """Buckets of all processes that share a Redis. While it is away each process counts by itself, which is more generous, and works."""

    def __init__(self, url: str, fallback: Store) -> None:
        client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
        self._take: Any = client.register_script(_TAKE)
        self._fallback = fallback
        self._is_away = False

    def take(self, buckets: Sequence[Bucket], cost: int) -> tuple[bool, list[float]]:
        """See `Store`."""
        arguments: list[object] = [cost]
        for bucket in buckets:
            arguments += [bucket.rate, bucket.burst]
        try:
            done, *after = self._take(keys=[b.place for b in buckets], args=arguments)
        except redis.RedisError as error:
            if not self._is_away:
                log.warning("rate_store_away", error=type(error).__name__)
            self._is_away = True
            return self._fallback.take(buckets, cost)
        self._is_away = False
        return bool(done), [float(seconds) for seconds in after]


class Rates:
    """The limits of a deployment. May be asked by many threads at once."""

    def __init__(self, settings: RateSettings, store: Store) -> None:
        self._settings = settings
        self._store = store

    def ask(self, key_id: str, tenant_id: str, cost: int = 1) -> Verdict:
        """A request with a key of a tenant."""
        s = self._settings
        return self._take(
            Bucket("key", key_id, s.key_rate, s.key_burst),
            Bucket("tenant", tenant_id, s.tenant_rate, s.tenant_burst),
            cost=cost,
        )

    def ask_unknown(self, network: str) -> Verdict:
        """A request with a key that nobody has, from a network."""
        s = self._settings
        return self._take(Bucket("network", network, s.stranger_rate, s.stranger_burst), cost=1)

    def _take(self, *buckets: Bucket, cost: int) -> Verdict:
        done, after = self._store.take(buckets, cost)
        spare = [b.burst / b.rate - a for a, b in zip(after, buckets, strict=True)]
        least = min(range(len(buckets)), key=lambda i: spare[i] * buckets[i].rate)
        bucket = buckets[least]
        if done:
            return Verdict(True, bucket, int(spare[least] * bucket.rate + 1e-6), after[least], 0.0)
        # nothing was taken
        held = max(0.0, after[least] - cost / bucket.rate)
        return Verdict(False, bucket, max(0, int(bucket.burst - held * bucket.rate)), held, -spare[least])


def make_store(broker_url: str, monotonic: Callable[[], float]) -> Store:
    """The store of a deployment: the broker's Redis if that is one, else this process's memory."""
    memory = MemoryStore(monotonic)
    is_redis = broker_url.startswith(("redis://", "rediss://", "unix://"))
    return RedisStore(broker_url, memory) if is_redis else memory

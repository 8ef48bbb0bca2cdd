"""Settings of the deployment as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from messa_platform.core.settings import key


@dataclass(frozen=True)
class SiteSettings:
    """What the whole deployment is."""

    SECTION: ClassVar[str] = "messa"
    mail_domain: str = key("messa.example", "The domain whose addresses are mobile numbers.")
    public_url: str = key("http://127.0.0.1:6543", "The web address in everything that is mailed or printed.")
    operator_mail: str = key("operator@messa.example", "Where the platform tells its owner of trouble.")
    contact_mail: str = key("", "Where visitors write to become customers; empty: operator_mail.")
    demo: bool = key(
        False, "Whether this is the demo: demo tenants are loaded and mail from loopback is believed."
    )
    cookieless_login: bool = key(
        True, "Whether a browser that refuses cookies may sign in, with its session in the address."
    )
    log_format: str = key("json", "How logs are written: json or console.")
    log_level: str = key("INFO", "The least level that is logged: DEBUG, INFO, WARNING or ERROR.")

    @property
    def is_https(self) -> bool:
        """Whether the deployment is reached by https; cookies are then for that alone."""
        return self.public_url.startswith("https:")

    def __post_init__(self) -> None:
        if self.log_format not in ("json", "console"):
            raise ValueError(f"messa.log_format: {self.log_format!r} is neither json nor console")
        if self.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError(f"messa.log_level: {self.log_level!r} is none of DEBUG, INFO, WARNING, ERROR")
        if "@" in self.mail_domain or "." not in self.mail_domain:
            raise ValueError(f"messa.mail_domain: {self.mail_domain!r} is not a domain such as messa.example")


@dataclass(frozen=True)
class DatabaseSettings:
    """Where the database is."""

    SECTION: ClassVar[str] = "database"
    url: str = key(
        "",
        "PostgreSQL as postgresql+psycopg://…; empty: DATABASE_URL, else the embedded server.",
        secret=True,
    )
    direct_url: str = key(
        "",
        "The same database past the pooler, for LISTEN; empty: database.url, where no pooler stands before it.",
        secret=True,
    )
    data_dir: Path = key(Path("var/postgresql"), "Where the embedded server keeps its data.")
    pooler: bool = key(False, "Whether a transaction pooler such as PgBouncer stands before the database.")
    pool_size: int = key(20, "Connections that a process keeps open at the most.")

    def __post_init__(self) -> None:
        if self.pooler and not self.direct_url:
            # it would take LISTEN and never bring anything, and nobody would notice
            raise ValueError(
                "database.direct_url: with database.pooler set MESSA_DATABASE_DIRECT_URL to the database itself"
            )


@dataclass(frozen=True)
class BrokerSettings:
    """What moves the wake-ups."""

    SECTION: ClassVar[str] = "broker"
    url: str = key(
        "embedded", "embedded (all in one process), or, from the environment, redis://… or amqp://…"
    )
    threads: int = key(8, "Worker threads of a process.")


@dataclass(frozen=True)
class WebSettings:
    """How the web is served by `messa serve`."""

    SECTION: ClassVar[str] = "web"
    host: str = key("127.0.0.1", "Address that the web server listens on.")
    port: int = key(6543, "Its port.")
    threads: int = key(8, "Requests that are answered at the same time.")
    trusted_proxy: str = key(
        "", "Address of the reverse proxy whose X-Forwarded-For and -Proto are believed; empty: none."
    )
    simulator_url: str = key(
        "", "Where the simulator's process answers; with it /simulator is forwarded there. Development only."
    )

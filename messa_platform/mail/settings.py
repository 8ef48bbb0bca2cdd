"""Settings of the mail room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from messa_platform.core.settings import Networks, key


@dataclass(frozen=True)
class SmtpSettings:
    """How mail comes in."""

    SECTION: ClassVar[str] = "smtp"
    host: str = key("127.0.0.1", "Address that the SMTP server listens on.")
    port: int = key(2525, "Its port.")
    hostname: str = key("", "The name it greets with; empty: the mail domain.")
    trusted_relays: Networks = key(
        (), "Relays that mail is taken from; from others it is refused. The demo adds loopback."
    )
    max_bytes: int = key(10_485_760, "Size of a mail at the most, in bytes.")
    max_recipients: int = key(500, "Recipients of a mail at the most.")
    timeout: float = key(300.0, "Seconds after which a silent connection is closed.")
    tls_certificate: str = key(
        "", "File with the certificate chain (PEM); with it the server offers STARTTLS."
    )
    tls_key: str = key("", "File with the certificate's private key (PEM).")
    proxies: Networks = key(
        (), "Load balancers that speak the PROXY protocol; with any, nobody else may connect."
    )
    keep_raw_days: int = key(7, "Days after which the raw bytes of a mail that was read are emptied.")

    def __post_init__(self) -> None:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("smtp.tls_certificate, smtp.tls_key: set both or neither")

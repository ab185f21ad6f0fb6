"""Settings: read once from ``SIMWARD_…`` variables and secret files, frozen, passed down.

The table in ``docs/settings.md`` is checked against this class by a house test.
"""

import os
from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.kit.redis_url import redis_address


class Mode(StrEnum):
    """``demo``: invented people, outbox sender, loopback. ``test``: the same for tests, clocks may be turned."""

    PRODUCTION = "production"
    DEMO = "demo"
    TEST = "test"


class Settings(BaseSettings):
    """Everything that differs between installations. Secrets come from files (``secrets_dir``) or variables."""

    model_config = SettingsConfigDict(
        env_prefix="SIMWARD_",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,  # an address holds a password
        secrets_dir="/run/secrets" if Path("/run/secrets").is_dir() else None,
    )

    mode: Mode = Field(Mode.PRODUCTION, description="production, demo or test")
    database_url: str = Field("", description="PostgreSQL as role simward_app (postgresql+psycopg://…)")
    owner_database_url: str = Field("", description="PostgreSQL as role simward_owner, for migrations alone")
    sealer_database_url: str = Field(
        "", description="PostgreSQL as role simward_sealer, for the worker alone"
    )
    redis_url: str = Field(
        "",
        description="Redis (redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://, see redis.md)",
    )
    keys_dir: Path = Field(Path("keys"), description="folder with the five keysets")
    master_key_file: Path | None = Field(None, description="32-byte key that wraps the keysets in production")
    heads_file: Path | None = Field(None, description="append-only file for signed audit heads")
    heads_webhook_url: str = Field("", description="where signed audit heads are posted; empty: nowhere")
    heads_webhook_secret: SecretStr = Field(
        SecretStr(""), description="its signing secret (whsec_…), or two, old and new, with a space between"
    )
    rules_operator: str = Field(
        "", description="slug of the operator whose staff change the rules; empty: the only one there is"
    )
    public_url: str = Field(
        "http://127.0.0.1:8080", description="how the outside reaches us; Origin and Host are checked"
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on")
    pool_size: int = Field(10, ge=1, le=200, description="PostgreSQL connections a process")
    sender: str = Field(
        "none",
        pattern="^(none|(outbox|webhook|smpp)(,(outbox|webhook|smpp)){0,2})$",
        description="what sends codes, in order, with commas between: smpp, webhook, outbox (demo); or none",
    )
    sender_webhook_url: str = Field("", description="where the webhook sender posts messages")
    sender_webhook_secret: SecretStr = Field(
        SecretStr(""), description="its signing secret (whsec_…), or two, old and new, with a space between"
    )
    sender_voice_url: str = Field("", description="where calls that read a code are ordered; empty: none are")
    sender_voice_secret: SecretStr = Field(
        SecretStr(""), description="its signing secret (whsec_…), or two, old and new, with a space between"
    )
    smpp_url: str = Field("", description="the SMPP server: smpp://system-id@host:port, or smpps:// for TLS")
    smpp_password: SecretStr = Field(SecretStr(""), description="password of that system id")
    smpp_worker_url: str = Field(
        "",
        description="the same for the worker's session; empty: smpp_url, whose account must allow one more",
    )
    smpp_worker_password: SecretStr = Field(
        SecretStr(""), description="password of the worker's system id, where it has another"
    )
    smpp_source: str = Field(
        "", description="whom messages come from: a name, a short code or +number; empty: the server's choice"
    )
    smpp_rate: int = Field(0, ge=0, le=10_000, description="submits a second; 0: as many as there are")
    smpp_window: int = Field(10, ge=1, le=1000, description="submits that may wait for an answer at once")
    allow_private_targets: bool = Field(
        False, description="webhooks may reach private and loopback addresses"
    )
    web_otp_domain: str = Field(
        "",
        pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+)?$",
        description="domain whose pages browsers may fill a code into (WebOTP); empty: no such line",
    )
    holder_links: bool = Field(
        False,
        description="messages carry a link by which the holder of a number stops them; costs a second part",
    )
    send_deadline_s: float = Field(
        8.0, gt=0, le=30, description="seconds within which a sender must accept a message"
    )
    registry_url: str = Field("", description="document registry; empty: none, proof stays consistent")
    lost_stolen_url: str = Field("", description="list of lost and stolen documents; empty: nobody is asked")
    deaths_url: str = Field("", description="register of deaths; empty: nobody is asked")
    image_readers: int = Field(
        1,
        ge=0,
        le=16,
        description="processes that read pictures of documents, each of about one core; 0: pictures are refused",
    )
    image_readers_early: bool = Field(
        False, description="they start with the API, not with the first picture that each is needed for"
    )
    image_queue: int = Field(
        8, ge=0, le=100, description="pictures that may wait for a reader; one more is refused for now"
    )
    image_deadline_s: float = Field(
        20.0, gt=0, le=60, description="seconds within which a picture is read, or its reader is killed"
    )
    image_recycle: int = Field(
        200, ge=1, le=100_000, description="pictures after which a reader is replaced by a fresh one"
    )
    provisioner_url: str = Field("", description="provisioner; empty: the null one, which is always done")
    inventory_url: str = Field("", description="SIM inventory; empty: the null one, which accepts any")
    usage_url: str = Field(
        "", description="figures of how lines are used; empty: none, probation goes by the calendar"
    )
    hlr_url: str = Field(
        "", description="the network's register of numbers; empty: none, every number is sent to"
    )
    captcha_url: str = Field("", description="CAPTCHA verifier; empty: proof of work is asked for instead")
    captcha_site_key: str = Field("", description="public key of the CAPTCHA, for the page that shows it")
    registry_token: SecretStr = Field(SecretStr(""), description="Bearer token that we send to the registry")
    lost_stolen_token: SecretStr = Field(SecretStr(""), description="Bearer token that we send to that list")
    deaths_token: SecretStr = Field(SecretStr(""), description="Bearer token that we send to that register")
    provisioner_token: SecretStr = Field(
        SecretStr(""), description="Bearer token that we send to the provisioner"
    )
    inventory_token: SecretStr = Field(
        SecretStr(""), description="Bearer token that we send to the inventory"
    )
    usage_token: SecretStr = Field(
        SecretStr(""), description="Bearer token that we send to the figures of use"
    )
    hlr_token: SecretStr = Field(
        SecretStr(""), description="Bearer token that we send to the register of numbers"
    )
    captcha_token: SecretStr = Field(
        SecretStr(""), description="Bearer token that we send to the CAPTCHA verifier"
    )
    purposes: str = Field(
        "new,port_in,sim_swap,reverify",
        pattern="^(new|port_in|sim_swap|reverify)(,(new|port_in|sim_swap|reverify)){0,3}$",
        description="what registrations may be for, with commas between; others are refused",
    )
    allow_test_numbers: bool = Field(
        False, description="a policy may name test numbers in production; the demo and tests always may"
    )
    metrics_token: SecretStr = Field(
        SecretStr(""), description="Bearer token for /metrics; empty: loopback peers only"
    )
    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="least level that is logged"
    )

    @property
    def is_demo(self) -> bool:
        return self.mode is not Mode.PRODUCTION

    @property
    def may_have_test_numbers(self) -> bool:
        return self.is_demo or self.allow_test_numbers

    @property
    def senders(self) -> tuple[str, ...]:
        """The names in ``sender``, the first to be tried first."""
        return () if self.sender == "none" else tuple(self.sender.split(","))

    def for_worker(self) -> "Settings":
        """These, with the SMPP account that the worker binds by."""
        if not self.smpp_worker_url:
            return self
        account = {"smpp_url": self.smpp_worker_url, "smpp_password": self.smpp_worker_password}
        return self.model_copy(update=account)

    @model_validator(mode="after")
    def _no_sender_twice(self) -> "Settings":
        if len(set(self.senders)) != len(self.senders):
            raise ValueError("a sender is named once")
        if self.smpp_worker_password.get_secret_value() and not self.smpp_worker_url:
            raise ValueError("the worker's SMPP password is that of an address of its own")
        return self

    @field_validator("redis_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if url:
            redis_address(url)
        return url

    @model_validator(mode="after")
    def _no_demo_parts_in_production(self) -> "Settings":
        if self.mode is Mode.PRODUCTION and "outbox" in self.senders:
            raise ValueError("the outbox sender is for the demo alone")
        if self.mode is Mode.DEMO and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("the demo listens on loopback alone")
        if self.captcha_url and not self.captcha_site_key:
            raise ValueError("a CAPTCHA needs its site key, or nobody can show it")
        return self


def environment() -> dict[str, str]:
    """The process environment, for children that we start; nothing else reads it."""
    return dict(os.environ)

"""Settings of the API: its own, and those of the log, the privacy keys and the read model."""

from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import AwareDatetime, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.rate_limit import check_limit
from projections.settings import ReadingSettings
from stream.settings import KafkaSettings, PrivacySettings


class AccessSettings(BaseSettings):
    """Whose tokens count, and how often their subjects may ask."""

    model_config = SettingsConfigDict(env_prefix="DAWALOG_", frozen=True)

    open_access: bool = Field(
        default=False, description="ask for no tokens: anybody who gets through may do everything"
    )
    oidc_issuer: str | None = Field(
        default=None, description="address of the OpenID Connect issuer whose tokens count"
    )
    oidc_audience: str | None = Field(
        default=None,
        validate_default=True,
        description="what its tokens must have among their `aud`",
    )
    oidc_role_claim: str = Field(
        default="dawalog_role",
        min_length=1,
        description="claim that holds the role, or a list with one of the roles in it; "
        "realm_access.roles is looked for level by level",
    )
    oidc_facilities_claim: str = Field(
        default="dawalog_facilities", min_length=1, description="claim with a list of facility ids"
    )
    oidc_districts_claim: str = Field(
        default="dawalog_districts", min_length=1, description="claim with a list of district ids"
    )
    token_key_file: Path | None = Field(
        default=None, description="key of the local issuer, whose tokens `dawalog token` makes"
    )
    rate_limit: str = Field(
        default="120000/minute",
        description="requests of one subject that one API process takes; off: any number",
    )

    @field_validator("oidc_issuer")
    @classmethod
    def check_issuer(cls, issuer: str | None) -> str | None:
        """Whoever can change what comes over plain HTTP makes the keys."""
        if issuer is None:
            return None
        address = urlsplit(issuer)
        is_near = address.scheme == "http" and is_loopback(address.hostname or "")
        if not address.hostname or not (address.scheme == "https" or is_near):
            raise ValueError("must be an https:// address")
        return issuer

    @field_validator("oidc_audience")
    @classmethod
    def check_audience(cls, audience: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("oidc_issuer") and not audience:
            raise ValueError("must be set: tokens for other programs are not for Dawalog")
        return audience

    @field_validator("rate_limit")
    @classmethod
    def check_rate_limit(cls, limit: str) -> str:
        return check_limit(limit)


class ApiSettings(KafkaSettings, PrivacySettings, ReadingSettings, AccessSettings):
    api_host: str = Field(default="127.0.0.1", description="address that the API listens on")
    api_port: int = Field(default=8000, ge=0, le=65535, description="port of the API")
    watched_folder: Path | None = Field(
        default=None,
        description="folder whose disk the metrics tell of; `dawalog up` names its own",
    )
    earliest_occurred_at: AwareDatetime = Field(
        default=datetime(2010, 1, 1, tzinfo=UTC),
        description="events that happened before it are refused: their clock is wrong",
    )


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

"""The issuers whose tokens count, by the settings."""

from functools import partial

from api.settings import AccessSettings
from api.token_issuer import AUDIENCE, ISSUER
from api.token_keys import TokenKeys, fetch_by_discovery, read_key_file
from api.tokens import ClaimNames, Issuer, Verifier


def create_verifier(settings: AccessSettings) -> Verifier:
    issuers = []
    if settings.token_key_file is not None:
        keys = TokenKeys(partial(read_key_file, settings.token_key_file))
        issuers.append(Issuer(ISSUER, AUDIENCE, keys))
    if settings.oidc_issuer is not None and settings.oidc_audience is not None:
        claim_names = ClaimNames(
            settings.oidc_role_claim, settings.oidc_facilities_claim, settings.oidc_districts_claim
        )
        keys = TokenKeys(partial(fetch_by_discovery, settings.oidc_issuer))
        issuers.append(Issuer(settings.oidc_issuer, settings.oidc_audience, keys, claim_names))
    return Verifier(issuers)

"""The authorities known by name, where they are, and how much they give."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

INTERNAL = "internal"

HOUR = 3600
WEEK = 7 * 24 * HOUR


class Limits(NamedTuple):
    """How often an authority may be asked."""

    same_names: int  # certificates for exactly the same names, in a week
    domain: int  # certificates below one registered domain, in a week
    failures: int  # failed validations of one name, in an hour
    orders: int  # in three hours
    accounts: int  # in three hours


# Let's Encrypt publishes them: https://letsencrypt.org/docs/rate-limits/, and for staging https://letsencrypt.org/docs/staging-environment/
# Nobody else is known to be stricter, so whoever says nothing is treated alike.
STRICT = Limits(same_names=5, domain=50, failures=5, orders=300, accounts=10)
STAGING = Limits(same_names=30_000, domain=30_000, failures=200, orders=1_500, accounts=50)

DIRECTORIES = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
    "zerossl": "https://acme.zerossl.com/v2/DV90",
    "buypass": "https://api.buypass.com/acme/directory",
}


class Authority(NamedTuple):
    """Who issues: the name people wrote, and the URL of its directory, which for the internal one is 'internal'."""

    name: str
    directory: str

    @property
    def limits(self) -> Limits:
        """What may be asked of it."""
        return STAGING if self.directory == DIRECTORIES["letsencrypt-staging"] else STRICT

    @property
    def folder(self) -> str:
        """A name for its folder: readable, and another one for another directory."""
        parts = urlsplit(self.directory)
        return re.sub(r"[^A-Za-z0-9.-]+", "_", f"{parts.netloc}{parts.path}").strip("_.") or INTERNAL


def authority(name: str) -> Authority:
    """The authority that a file calls `name`."""
    return Authority(name, DIRECTORIES.get(name, name))

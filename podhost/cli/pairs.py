"""Looking at the certificates that an administrator brings; here, because it takes a clock."""

from __future__ import annotations

from podhost.build import Built
from podhost.problems import Report


def check_pairs(built: Built, report: Report) -> None:
    """Report what is wrong with the pairs of a host: chain, key, names, dates."""
    brought = [each for service in built.plan.services for each in service.certificates if each.pair]
    if not brought:
        return
    from podhost.certs import pair  # brings cryptography, which few hosts need

    now = pair.clock()
    for each in brought:
        assert each.pair
        pair.check(each.pair.certificate, each.pair.key, each.names, now, each.pair.mark, report)

"""The family `silence`: of silences themselves. They are held in `podhost.check.run`."""

from __future__ import annotations

from podhost.check.rules import WARNING, early

early(
    "silence/unknown-rule",
    """
    A silence names a rule that is none, or one that cannot be silenced.

    Why: a misspelt silence silences nothing, and nobody would notice.

    Mend: take the rule's id from the report that it is to silence; `podhost check --rules` lists all of them.
    """,
)
early(
    "silence/no-reason",
    """
    A silence gives no reason.

    Why: whoever reads the file next has to know whether the reason still holds.

    Mend: say in one sentence why the finding does no harm here.
    """,
)
early(
    "silence/unused",
    """
    A silence of a rule that finds nothing.

    Why: what it was for has been mended, and the next such mistake would pass unseen.

    Mend: leave the silence out.
    """,
    WARNING,
)

"""How far a mailbox has been read, as the one string that is stored with each accepted mail."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

_REBUILD_MARGIN = timedelta(days=30)
_LATE_ARRIVAL = timedelta(days=7)


@dataclass(frozen=True)
class ReadTo:
    """Mail with a UID up to `uid` is done, under this `uidvalidity`.

    `since`: when this inbox was first read (epoch seconds); mail from before it is not ours to show (0: all is).
    `latest`: the arrival of the newest mail that was taken, epoch seconds.
    `rebuild_to`: after a change of UIDVALIDITY, UIDs up to this one may be old mail and are checked by their age.
    """

    uidvalidity: int
    uid: int
    since: int
    latest: int = 0
    rebuild_to: int = 0

    def past(self, uid: int, received: datetime | None) -> "ReadTo":
        """The cursor when the mail `uid` is done."""
        seconds = int(received.timestamp()) if received is not None else 0
        return replace(self, uid=max(self.uid, uid), latest=max(self.latest, seconds))

    def renewed(self, uidvalidity: int, uidnext: int) -> "ReadTo":
        """The cursor for a mailbox whose UIDs mean something else now: everything is looked at again."""
        return replace(self, uidvalidity=uidvalidity, uid=0, rebuild_to=uidnext - 1)

    def is_old(self, uid: int, when: datetime | None) -> bool:
        """True for mail that a renewed mailbox shows again although it was there before this inbox was read.

        Mail that was taken before is not old: it is recognised by its source id.
        """
        if uid > self.rebuild_to or when is None:
            return False
        floor = max(self.since, self.latest - int(_REBUILD_MARGIN.total_seconds()) if self.latest else 0)
        return when.timestamp() < floor

    def is_ancient(self, uid: int, written: datetime | None) -> bool:
        """The same for a renewed mailbox whose times of arrival are new too: judged by the mail's own Date."""
        if uid > self.rebuild_to or written is None:
            return False
        return written.timestamp() < self.since - _LATE_ARRIVAL.total_seconds()

    def dump(self) -> str:
        """As the string that is stored."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def load(cls, stored: str) -> "ReadTo":
        """From the stored string."""
        return cls(**{name: int(value) for name, value in json.loads(stored).items()})

    @classmethod
    def first(cls, uidvalidity: int, uidnext: int, *, everything: bool) -> "ReadTo":
        """The cursor of an inbox that is read for the first time: from now on, or from the beginning."""
        if everything:
            return cls(uidvalidity, 0, 0)
        return cls(uidvalidity, uidnext - 1, int(datetime.now(UTC).timestamp()))

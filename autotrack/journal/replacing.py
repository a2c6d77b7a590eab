"""Which of two records of the same thing counts, where the order in which they are read does not tell.

The journals of other processes are read after the main one, so what they have may be older than what was read before.
"""

from autotrack.journal.records import Artifact, Trial


def replaces(record: Artifact, earlier: Artifact | None) -> bool:
    """Return whether a record of an artifact replaces the one that was read before it.

    The sidecar adds checksums in a journal of its own, which is read after the main one. It may have added one to a
    file that has been replaced or removed since. Of files that it makes itself, the later record is the later file.
    """
    if earlier is None or record.sha256 is None:
        return True
    if record.completes is not None:
        return record.completes in (earlier.time, earlier.completes)
    return earlier.sha256 is not None or record.time >= earlier.time  # this is how early versions added a checksum


def replaces_trial(record: Trial, earlier: Trial | None) -> bool:
    """Return whether a record of a trial replaces the one that was read before it and is of the same session.

    A worker writes down what it knows so far, of the splits that it was given. So if one of the records is by a
    worker, that counts which has more values. Otherwise the later one does.
    """
    if earlier is None:
        return True
    more = len(record.values) - len(earlier.values)
    if more and (record.by_worker or earlier.by_worker):
        return more > 0
    if record.by_worker != earlier.by_worker:
        return earlier.by_worker
    # Early versions do not tell who wrote it: then what is older and has less is of a worker.
    return record.by_worker or more >= 0 or record.time >= earlier.time

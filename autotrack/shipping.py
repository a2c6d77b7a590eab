"""From journals to sinks: reads a run's records and hands them to every destination."""

import hashlib
from pathlib import Path
from time import time

from autotrack import destinations, records
from autotrack.faults import report_fault
from autotrack.journal import Journal
from autotrack.reading import RunReader
from autotrack.records import Artifact
from autotrack.summary import replaces


def settle(folder: Path) -> None:
    """Complete the records of the run in `folder`, and make everything that is derived from them.

    Any number of times, with the same result.
    """
    _add_checksums(folder)
    sinks = destinations.sinks()
    for sink in sinks:
        sink.open(folder)
    reader = RunReader(folder)
    for batch in reader:
        for sink in sinks:
            sink.write(batch)
    for sink in sinks:
        sink.close(reader.left_out())


def _add_checksums(folder: Path) -> None:
    """Write a record with its SHA-256 for every file that has none yet; folders have none."""
    known: dict[str, Artifact] = {}
    for batch in RunReader(folder):
        for record in batch:
            if isinstance(record, Artifact) and replaces(record, known.get(record.path)):
                known[record.path] = record
    missing = [record for record in known.values() if not record.removed and record.sha256 is None]
    found = [(record, folder / record.path) for record in missing if (folder / record.path).is_file()]
    if not found:
        return
    journal = Journal(folder / "journal" / "sidecar.jsonl", on_trouble=lambda text: report_fault("journal", text))
    for record, path in found:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        about = {field: getattr(record, field) for field in record.__struct_fields__}
        about |= {"time": time(), "bytes": path.stat().st_size, "sha256": digest}
        journal.append(records.Artifact(**about))
    journal.close()

"""What reading a zip raises that somebody, or a disk, has damaged. Archives of runs are zips, and many models."""

import errno
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError, EOFError, ValueError,
           IndexError, OverflowError)  # fmt: skip


@contextmanager
def inside_zip() -> Iterator[None]:
    """Raise one of `DAMAGED` also where a zip says that a part of it begins before the file does.

    The system then refuses an invalid argument, and nothing else of the system is the fault of the file.
    """
    try:
        yield
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise zipfile.BadZipFile("a part of it begins outside of the file") from error

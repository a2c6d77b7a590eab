"""What reading a zip raises that somebody, or a disk, has damaged. Archives of runs are zips, and many models."""

import struct
import zipfile
import zlib

DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError, EOFError, ValueError,
           IndexError, OverflowError)  # fmt: skip

"""Whether a progress bar is being drawn on the terminal of this process."""

import sys

from autotrack.interactive import interactive_session


def is_bar_drawn() -> bool:
    """Return whether tqdm or rich is drawing a bar here. A notebook has a place of its own for them."""
    if interactive_session() == "notebook":
        return False
    if type(sys.stderr).__module__ == "rich.file_proxy":  # rich puts it there for as long as it draws
        return True
    tqdm = sys.modules.get("tqdm.std")
    return bool(tqdm is not None and getattr(tqdm.tqdm, "_instances", None))

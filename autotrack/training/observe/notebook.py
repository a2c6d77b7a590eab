"""The cells of a notebook in the order of their execution, which only the process that ran them knows."""

from autotrack.interactive import ipython_shell


def executed_cells() -> list[str]:
    """Return the source of all cells executed in this session; an empty list outside of IPython."""
    shell = ipython_shell()
    if shell is None:
        return []
    cells = shell.history_manager.input_hist_raw if shell.history_manager else shell.user_ns.get("In", [])
    return [str(cell) for cell in cells[1:]]  # numbered from 1


def as_script(cells: list[str]) -> str:
    """Join cells into one Python file that editors show as cells again (the "percent" format)."""
    return "".join(f"# %% [{number}]\n{cell.rstrip()}\n\n" for number, cell in enumerate(cells, 1))

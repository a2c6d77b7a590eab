"""What a script has for settings at its top is recorded with a source of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

import autotrack
from autotrack.training.observe.constants import constants_in


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("BATCH_SIZE = 64\nlr = 1e-3\nname: str = 'net'\nflag = not True", ["BATCH_SIZE", "lr", "name", "flag"]),
        ("seconds = 60 * 60\nbetas = (0.9, -0.5)\nsizes = [1, 2]\nC = {'a': 1}", ["seconds", "betas", "sizes", "C"]),
        ("a = b = 3\nif a:\n    width = 8\nelse:\n    width = 9", ["a", "b", "width"]),
        ("if __name__ == '__main__':\n    epochs = 3", ["epochs"]),
        ("def f():\n    lr = 2\n    [lr for lr in ()]\nlr = 3", ["lr"]),
        ("best = 0.0\nfor step in range(3):\n    best = max(best, step)", []),
        ("step = 0\nwhile step < 3:\n    step += 1", []),
        ("count = 0\ndef f():\n    global count\n    count = 1", []),
        ("losses = []\nhistory = {'loss': []}\nx = f(3)\n_private = 3\n__version__ = '1'\nnothing = None", []),
        ("import lr\nlr = 3\nfrom a import b as c\nc = 4\nwith open('x') as d:\n    pass\nd = 5", []),
        ("for lr in (1, 2):\n    width = 3", []),
        ("try:\n    pass\nexcept ValueError as e:\n    pass\ne = 3\ndel e", []),
    ],
)  # fmt: skip
def test_a_constant_is_what_is_written_out_and_never_changed(code: str, names: list[str]) -> None:
    assert list(constants_in(code)) == names


def test_constants_of_a_script_are_params_of_its_runs(run_script: Callable[..., str], tmp_path: Path) -> None:
    run_script("""
        import autotrack
        from pathlib import Path

        BATCH_SIZE = 64
        layers = {"widths": [8, 8], "dropout": 0.5}
        api_key = "abcdefgh12345678"
        text = "two\\nlines"

        def main(rate):
            layers["dropout"] = 0.25
            with autotrack.start_run(params={"rate": rate}):
                pass

        main(0.5)
    """)
    (run,) = autotrack.runs(tmp_path / "runs")
    assert run.summary.params_by_source["constants"] == {
        "BATCH_SIZE": 64,
        "layers.widths": [8, 8],
        "layers.dropout": 0.25,
        "api_key": "[redacted]",
    }
    assert run.params["BATCH_SIZE"] == 64

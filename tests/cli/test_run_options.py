"""The options of `autotrack run` end where the script begins."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotrack import launch
from autotrack.cli.run_options import UsageError, read

WORDS = st.lists(
    st.text(max_size=8) | st.sampled_from(["-m", "--", "--help", "--name", "-e", "--to=x", "-"]), max_size=6
)
OPTIONS = st.lists(
    st.sampled_from([
        (["--experiment", "-e"], {"experiment": "-e"}),
        (["-e", "digits"], {"experiment": "digits"}),
        (["--upload-mb=3"], {"upload_mb": "3"}),
        (["--no-output"], {"output": False}),
        (["--quiet"], {"quiet": True}),
        (["--log-every-n-steps", "-m"], {"log_every_n_steps": "-m"}),
        (["--metric="], {"metric": ""}),
    ]),
    max_size=4,
)  # fmt: skip


@settings(max_examples=50)
@given(options=OPTIONS, script=st.sampled_from(["train.py", "-", "torchrun", ""]), arguments=WORDS)
def test_what_follows_the_script_is_handed_on_as_it_is(
    options: list[tuple[list[str], dict[str, object]]], script: str, arguments: list[str]
) -> None:
    words, chosen = [word for words, _ in options for word in words], {}
    for _, setting in options:
        chosen.update(setting)
    for command in ([script, *arguments], ["--", script, *arguments]):
        found = read([*words, *command])
        assert (found.settings, found.command, found.module) == (chosen, [script, *arguments], None)
    for module in (["-m", "package.train"], ["-mpackage.train"]):
        found = read([*words, *module, *arguments])
        assert (found.settings, found.command, found.module) == (chosen, arguments, "package.train")


def test_what_is_repeated_is_gathered() -> None:
    found = read(
        ["--tag", "a=1", "--to", "runs", "--tag=b=c=d", "--to=http://host:1", "--always", "--name=-x", "train.py"]
    )
    assert found.settings == {"tags": {"a": "1", "b": "c=d"}, "to": ["runs", "http://host:1"]}
    assert (found.always, found.name, found.command) == (True, "-x", ["train.py"])


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["--experimnt", "a", "train.py"], "did you mean --experiment?"),
        (["--lr", "0.1", "fit.py"], "autotrack run fit.py --lr …"),
        (["--tag", "why", "train.py"], "--tag why=baseline"),
        (["--experiment"], "--experiment NAME"),
        (["--always=yes", "train.py"], "--always takes no value"),
        (["--no-output=1", "train.py"], "write --output or --no-output"),
        (["--name", " ", "train.py"], "--name baseline"),
        (["-m"], "-m package.train"),
    ],
)
def test_a_mistake_is_answered_with_its_correction(words: list[str], advice: str) -> None:
    with pytest.raises(UsageError) as said:
        read(words)
    assert advice in str(said.value)


@pytest.mark.parametrize("name", ["train.py", "\udcff.py"])
def test_a_script_whose_name_is_not_utf8_is_told_of_as_well(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = launch.Choices(command=["python", name], settings={"experiment": name})
    monkeypatch.setenv(launch.VARIABLE, launch.text_of("script", 1, chosen))
    assert launch.choices() == chosen
    for text in ("script 1 {", r'script 1 "\udcff"', r'script 1 {"name": ["\udcff"]}', "\\ud"):
        monkeypatch.setenv(launch.VARIABLE, text)
        assert launch.choices() == launch.Choices()

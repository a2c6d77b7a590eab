"""Numbers with names in what a script prints are metrics; everything else in it is none, however hostile it is."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.sidecar.output.printed_metrics import parse
from autotrack.sidecar.output.printed_tables import Tables
from tests.sidecar.output.printed_corpus import heard, scripts

LEAST_PRECISION, LEAST_RECALL = 0.99, 0.97


def test_metrics_of_many_scripts_are_found_and_hardly_anything_else() -> None:
    right = found = labelled = 0
    for script in scripts():
        got = [(name, round(value, 9)) for name, value, _ in heard(script.lines)]
        found += len(got)
        labelled += len(script.labels)
        for name, value, _ in script.labels:
            if (name, round(value, 9)) in got:
                got.remove((name, round(value, 9)))
                right += 1
    assert len(scripts()) >= 40
    assert right / found >= LEAST_PRECISION
    assert right / labelled >= LEAST_RECALL


def test_an_epoch_that_a_line_names_holds_for_the_lines_after_it() -> None:
    for script in scripts():
        found = heard(script.lines)
        for name, value, epoch in script.labels:
            told = {known for found_name, found_value, known in found if (found_name, found_value) == (name, value)}
            assert epoch is None or not told or epoch in told, f"{script.title}: {name} {value}"


def test_a_name_with_a_count_and_a_value_has_the_value() -> None:
    for line in ("loss 0 0.61", "loss: 12 0.61", "loss 100  6.1e-1", " Loss\t7\t.61"):
        assert parse(line).values == {"loss": 0.61}, line
    assert parse("acc 1 81.5%").values == {"acc": 81.5}
    assert parse("accuracy 5 0.83 0.9").values == {"accuracy": 0.83}
    assert parse("epoch 2 loss 0 0.61")[:3] == ({"loss": 0.61}, {}, 2)
    assert parse("hits 3").values == {}
    assert parse("loss 3").values == {"loss": 3}


NAMES = st.sampled_from(["loss", "train loss", "Valid Loss", "val_acc", "accuracy", "F1", "kl_loss", "top1", "RMSE"])
NUMBERS = st.floats(-1e4, 1e4, allow_nan=False).map(lambda value: f"{value:.4f}")
SEPARATORS = st.sampled_from([": ", "=", " = ", ":", " "])
JOINTS = st.sampled_from([", ", " | ", " / ", "\t", "; ", "  ", " - "])


@given(st.lists(st.tuples(NAMES, NUMBERS), min_size=1, max_size=5, unique_by=lambda pair: pair[0]), SEPARATORS, JOINTS)
def test_pairs_are_found_however_they_are_joined(pairs: list[tuple[str, str]], separator: str, joint: str) -> None:
    line = joint.join(f"{name}{separator}{number}" for name, number in pairs)
    expected = {name.lower().replace(" ", "_"): float(number) for name, number in pairs}
    assert parse(line).values == expected
    assert parse(f"Epoch 3/10{joint}{line}").epoch == 3


@given(st.text(alphabet=st.sampled_from("abl os:=.,0123456789e-+%/|()[]{}'\"\tEepoch█│ "), max_size=300))
def test_any_line_is_read_and_only_plain_names_and_finite_numbers_come_out(line: str) -> None:
    said = parse(line)
    row = Tables().take(line)
    for name, value in [*said.values.items(), *said.others.items(), *(row.values.items() if row else ())]:
        assert re.fullmatch(r"[a-z][\w./@-]{0,80}", name)
        assert math.isfinite(value)


HOSTILE = [
    *("a=1 " * 400, "1" * 5000, "loss 1 " * 300, "(a" * 2000, "=1" * 2000, "a " * 2000 + "=1", "1," * 2000),
    *("epoch " * 500, "loss of " * 400 + "=1", "- " * 2000 + "=0.1", "((((a((b=1" * 300, " " * 5000 + "1"),
    *("a." * 2000 + "(x=1.5", "batch  " * 500 + "5", "a improved from " * 200, "improved a b c d e " * 200 + "to 5"),
    *("_" * 5000 + "train:", "train " * 500 + ":", "|" * 3000, "a|" * 1500 + "1", "0.1/" * 900, "\u2502loss " * 500),
    *("%|" * 900 + "100%|", "1e" * 2000, "1.1.1." * 900, "-1" * 2000, "loss: 1e999999999", "loss: " + "9" * 3000),
]


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: line[:12].strip())
def test_of_a_hostile_line_the_beginning_is_read_and_gives_few_finite_numbers(line: str) -> None:
    said = parse(line)
    Tables().take(line)
    assert all(map(math.isfinite, said.values.values()))
    assert len(said.values) + len(said.others) <= 60
    assert parse(line + " loss: 0.5" * 1000) == parse(line + " loss: 0.5" * 100)


@pytest.mark.parametrize(
    "line",
    [
        "Namespace(lr=0.1, batch_size=64, loss_weight=0.5)",
        "lr: 0.1",
        "epoch took 12.31 s, ETA: 0:12:30",
        "100%|██████████| 60/60 [00:02<00:00, 25.1it/s]",
        "2026-02-03 10:11:12,121 started on 192.168.0.1:8080 with seed 42",
        "saved to runs/acc-0.91/model_0.31.pt",
        "torch 2.12.1, cuda 12.1",
        "torch.Size([512, 28, 28])",
        "+-------+------+",
        "Total params: 1,199,882 (4.58 MB)",
        "loss: nan",
        "EarlyStopping counter: 1 out of 7",
        "val_loss did not improve from 0.3100",
        "https://example.org/?loss=0.5",
    ],
)
def test_what_is_no_metric_is_left_out(line: str) -> None:
    assert not heard([line])


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("need acc >= 0.9 to stop; early stop if val_loss < 0.05", {}),
        ("accuracy: 50.5% of the rest (acc > 0.5 required)", {"accuracy": 50.5}),
        ("val_acc: 0.10 (best: 0.95, target acc: 0.99)", {"val_acc": 0.1}),
        ("SOTA accuracy: 0.999 (published), baseline mAP: 0.4", {}),
        ("Saving checkpoint to model-1-acc=0.77.pt", {}),
        ("saved weights/epoch=0-val_f1=0.88.ckpt", {}),
        ("previous epoch val_acc: 0.10", {}),
        ("loss -> 0.5, acc=0.9", {"loss": 0.5, "acc": 0.9}),
        ("best val_acc: 0.95", {"best_val_acc": 0.95}),
    ],
)
def test_what_is_compared_with_aimed_at_or_a_file_is_no_result(line: str, values: dict[str, float]) -> None:
    said = parse(line)
    assert {**said.values, **said.others} == values

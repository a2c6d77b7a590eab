"""Printed metrics get the step and the epoch at which they were printed, by order alone, and come once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tqdm import tqdm

from autotrack.sidecar.output import printed_recorder
from autotrack.sidecar.output.log import OutputLog
from autotrack.sidecar.output.printed_follower import PrintedMetrics
from tests.sidecar.output.printed_corpus import FakeRun, new_file
from tests.support.output_logs import NoRedaction


class Heard:
    """A run, and what is printed in it."""

    def __init__(self, run: FakeRun, redact: Callable[[str], str] = lambda line: line, patterns: tuple[str, ...] = ()):
        self.run = run
        self.listener = PrintedMetrics(run, redact, patterns=patterns)
        self.log = OutputLog(new_file(), NoRedaction(), on_problem=run.notices.append, listener=self.listener)

    def place(self, step: int | None, epoch: int | None) -> None:
        self.log.note_place(f"[{'null' if step is None else step},{'null' if epoch is None else epoch}]")

    def print(self, *lines: str, stream: str = "stdout", end: str = "\n") -> None:
        for line in lines:
            self.log.take(stream, line + end)

    def finish(self) -> list[tuple[str, float, int | None]]:
        self.log.note_place("end")
        self.log.close()
        assert not self.run.notices
        return self.run.found


@pytest.fixture
def heard() -> Heard:
    heard = Heard(FakeRun())
    heard.place(None, None)
    return heard


def steps(heard: Heard, name: str) -> list[int | None]:
    return [record.step for record in heard.run.records if name in record.values]


def test_metrics_are_on_the_epoch_of_the_journal_and_on_its_last_step(heard: Heard) -> None:
    for epoch in range(3):
        heard.place(10 * epoch + 9, epoch)
        heard.print(f"train loss: 0.{epoch}", f"valid loss: 1.{epoch} / accuracy: 9{epoch}.0 %")
    found = heard.finish()
    for epoch in range(3):
        assert ("train_loss", epoch / 10, epoch) in found
        assert ("valid_loss", 1 + epoch / 10, epoch) in found
        assert ("accuracy", 90.0 + epoch, epoch) in found
    assert len(found) == 9
    assert steps(heard, "accuracy") == [9, 19, 29]
    assert {record.source for record in heard.run.records} == {"printed"}


@pytest.mark.parametrize("first", [0, 1])
def test_an_epoch_that_is_named_before_its_first_step_begins_there(heard: Heard, first: int) -> None:
    """Its number may be one more than that of the journal, which counts."""
    for epoch in range(3):
        heard.print(f"Epoch {epoch + first}/3, lr: 0.{epoch + 1}")
        heard.place(10 * epoch, epoch)
        heard.print(f"loss: 0.{epoch}")
    found = heard.finish()
    assert [(name, epoch) for name, _, epoch in found if name == "loss"] == [("loss", 0), ("loss", 1), ("loss", 2)]
    assert [(value, epoch) for name, value, epoch in found if name == "lr"] == [(0.1, 0), (0.2, 1), (0.3, 2)]


def test_an_epoch_that_is_named_after_its_last_step_is_that_one(heard: Heard) -> None:
    for epoch in range(3):
        heard.place(10 * epoch, epoch)
        heard.print(f"[{epoch + 1}/3] Epoch {epoch + 1} | loss: 0.{epoch}")
    assert heard.finish() == [("loss", 0.0, 0), ("loss", 0.1, 1), ("loss", 0.2, 2)]


def test_a_number_that_is_no_epoch_of_this_training_moves_nothing(heard: Heard) -> None:
    heard.place(1, 0)
    heard.print("epoch: 50", "loss: 0.5")
    heard.place(2, 1)
    heard.print("loss: 0.4")
    assert heard.finish() == [("loss", 0.5, 0), ("loss", 0.4, 1)]


def test_without_a_journal_the_text_tells_the_epoch_and_the_count_is_the_step(heard: Heard) -> None:
    for epoch in (1, 2, 3):
        heard.print(f"Epoch {epoch}/3", f"loss: 0.{epoch}")
    heard.print("Test accuracy: 0.93")
    assert heard.finish() == [("loss", 0.1, 1), ("loss", 0.2, 2), ("loss", 0.3, 3), ("test_accuracy", 0.93, None)]
    assert steps(heard, "loss") == [0, 1, 2]


def test_without_any_epoch_the_step_is_that_of_the_text_or_the_count(heard: Heard) -> None:
    heard.print("step 100: loss 0.5", "step 200: loss 0.4", "score: 0.1", "score: 0.2")
    assert [(name, epoch) for name, _, epoch in heard.finish()] == [("loss", None)] * 2 + [("score", None)] * 2
    assert steps(heard, "loss") == [100, 200]
    assert steps(heard, "score") == [0, 1]


def test_what_is_printed_when_training_is_over_belongs_to_no_epoch(heard: Heard) -> None:
    for epoch in range(2):
        heard.place(epoch, epoch)
        heard.print(f"loss: 0.{epoch}")
    heard.print("Accuracy on test images: 93 %")
    heard.log.note_place("end")
    heard.print("f1: 0.9")
    heard.log.close()
    assert heard.run.found[2:] == [("test_accuracy", 93, None), ("f1", 0.9, None)]


def test_what_was_printed_before_the_run_is_of_another_one() -> None:
    heard = Heard(FakeRun())
    heard.print("accuracy of the last model: 0.9", "lr: 0.1", "Epoch 1/2")
    heard.place(None, None)
    heard.place(0, 0)
    heard.print("loss: 0.5")
    assert heard.finish() == [("loss", 0.5, 0)]


@pytest.mark.parametrize("framework", ["lightning", "keras", "user"])
def test_what_was_logged_under_the_same_name_does_not_come_twice(framework: str) -> None:
    heard = Heard(FakeRun(framework, logged=["loss", "val_loss"]))
    heard.place(None, 0)
    heard.print("60/60 - 1s - loss: 0.5 - val_loss: 0.6", "f1: 0.7")
    heard.place(60, 0)
    assert heard.finish() == [("f1", 0.7, 0)]


@pytest.mark.parametrize("started_by", ["torch", "script"])
def test_in_a_loop_of_plain_pytorch_the_same_name_means_something_else(started_by: str) -> None:
    heard = Heard(FakeRun(started_by, logged=["loss"]))
    heard.place(60, 0)
    heard.print("loss: 0.5, acc: 0.8")
    assert heard.finish() == [("printed/loss", 0.5, 0), ("acc", 0.8, 0)]


def test_after_a_fit_of_one_estimator_its_scores_are_its_metrics() -> None:
    """What is printed twice may be of estimators that were fitted before, and what a fit prints, it records itself."""
    heard = Heard(FakeRun("sklearn"))
    heard.place(None, None)
    heard.print("Iteration 1, loss = 0.5")
    heard.log.note_place("end")
    heard.print("accuracy: 0.9", "R2: 0.8", "R2: 0.7", "C: 1.0")
    heard.log.close()
    assert heard.run.found == [("accuracy", 0.9, None)]


def test_a_metric_that_is_computed_and_then_printed_is_there_once() -> None:
    run = FakeRun("sklearn")
    run.facts.last_logged = {"X_test_accuracy_score": 0.94888, "X_test_r2_score": 0.5}
    heard = Heard(run)
    heard.log.note_place("end")
    heard.print("test accuracy: 0.9489", "R2: 0.8", "f1: 0.9489")
    heard.log.close()
    assert heard.run.found == [("r2", 0.8, None), ("f1", 0.9489, None)]


@pytest.mark.parametrize("leave", [True, False])
def test_of_a_progress_bar_the_last_state_counts_once(heard: Heard, leave: bool) -> None:
    class Terminal:
        def write(self, text: str) -> None:
            heard.print(text, stream="stderr", end="")

        def flush(self) -> None:
            pass

    terminal = Terminal()
    for epoch in range(2):
        heard.place(10 * epoch, epoch)
        with tqdm(range(3), desc="train", leave=leave, file=terminal, mininterval=0.0) as bar:
            for batch in bar:
                bar.set_postfix(loss=epoch + batch / 10)
                tqdm.write("working", file=terminal)
        heard.print(f"accuracy: 0.{epoch}")
    assert sorted(heard.finish()) == [("accuracy", 0.0, 0), ("accuracy", 0.1, 1), ("loss", 0.2, 0), ("loss", 1.2, 1)]


def test_rows_that_a_live_display_holds_back_keep_the_place_where_they_were_printed(heard: Heard) -> None:
    heard.print("\x1b[?25l", end="")
    for epoch in range(3):
        heard.place(epoch, epoch)
        heard.print(f"loss: 0.{epoch}", "\x1b[2Kbar\x1b[1A")
    assert heard.finish() == [("loss", 0.0, 0), ("loss", 0.1, 1), ("loss", 0.2, 2)]


def test_a_secret_in_a_line_is_taken_out_before_its_numbers_are_read() -> None:
    heard = Heard(FakeRun(), redact=lambda line: line.replace("1234", "[redacted]"))
    heard.place(0, 0)
    heard.print("loss: 1234, acc: 0.5")
    assert heard.finish() == [("acc", 0.5, 0)]


def test_the_users_own_patterns_come_first_and_one_that_is_slow_is_given_up() -> None:
    slow = "(?P<slow>" + "a*" * 30 + ")b"
    heard = Heard(
        FakeRun(), patterns=(r"cost (?P<cost>\S+) at (?P<epoch>\d+)", r"(?P<name>\w+) -> (?P<value>\S+)", slow)
    )
    heard.place(None, None)
    heard.print("loss: 0.1, cost 12 at 3", "mood -> 0.5", "a" * 400)
    heard.log.note_place("end")
    heard.log.close()
    assert [(name, value) for name, value, _ in heard.run.found] == [("cost", 12.0), ("mood", 0.5)]
    assert heard.run.found[0][2] == 3
    assert "takes too long" in heard.run.notices[0]


def test_names_and_points_are_bounded(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printed_recorder, "MOST_POINTS", 5)
    for epoch in range(2):
        for step in range(20):
            heard.place(20 * epoch + step, epoch)
            heard.print(f"loss: {epoch}.{step:02d}")
    heard.print(*(f"loss_{number}: 0.5" for number in range(300)))
    heard.log.note_place("end")
    heard.log.close()
    losses = [(value, epoch) for name, value, epoch in heard.run.found if name == "loss"]
    assert losses == [*((step / 100, 0) for step in range(5)), (0.19, 0), (1.19, 1)]
    assert len({name for name, _, _ in heard.run.found}) == 200
    assert len(set(heard.run.notices)) == 1


def test_a_fault_of_ours_leaves_the_log_alone(heard: Heard, tmp_path: Path) -> None:
    def fail(_: str) -> str:
        raise ValueError("no")

    run = FakeRun()
    listener = PrintedMetrics(run, fail)
    log = OutputLog(tmp_path / "output.log", NoRedaction(), on_problem=run.notices.append, listener=listener)
    log.take("stdout", "loss: 0.5\nacc: 0.4\n")
    log.close()
    assert (tmp_path / "output.log").read_text() == "loss: 0.5\nacc: 0.4\n"
    assert "ValueError: no" in run.notices[0]


def test_a_table_of_all_epochs_at_the_end_gives_each_its_own(heard: Heard) -> None:
    for epoch in range(3):
        heard.place(10 * epoch + 9, epoch)
        heard.print(f"Epoch {epoch + 1}: loss 0.{epoch}")
    heard.print("best epoch 2: loss 0.1")
    for epoch in range(3):
        heard.print(f"Epoch {epoch + 1}: loss 0.{epoch}, acc 0.8{epoch}")
    found = heard.finish()
    assert [one for one in found if one[0] == "loss"] == [("loss", 0.0, 0), ("loss", 0.1, 1), ("loss", 0.2, 2)]
    assert [one for one in found if one[0] == "acc"] == [("acc", 0.8, 0), ("acc", 0.81, 1), ("acc", 0.82, 2)]
    assert steps(heard, "acc") == [9, 19, 29]
    assert [(name, value) for name, value, _ in found if name.startswith("best")] == [("best_loss", 0.1)]


def test_folds_that_count_their_epochs_anew_look_not_back(heard: Heard) -> None:
    for count in range(6):  # the journal counts on
        heard.place(count, count)
        heard.print(f"epoch {count % 3} loss 0.{count}")
    assert heard.finish() == [("loss", count / 10, count) for count in range(6)]


@pytest.mark.parametrize("first", ["SGD (", "optimizer: SGD (", "Net("])
def test_what_an_object_holds_is_no_result(heard: Heard, first: str) -> None:
    heard.place(0, 0)
    heard.print(
        first, "Parameter Group 0", "    lr: 0.1", "    etas: (0.5, 1.2)", "  (0): Part(", "    gain: 1.5", "  )", ")"
    )
    heard.print("gain: 2.5")
    heard.place(1, 1)
    assert heard.finish() == [("gain", 2.5, 0)]


def test_an_object_that_is_never_closed_ends_with_the_next_line_of_something_else(heard: Heard) -> None:
    heard.place(0, 0)
    heard.print("calling train (", "  lr: 0.1", "loss: 0.5", "  acc: 0.75")
    heard.place(1, 1)
    assert heard.finish() == [("loss", 0.5, 0), ("acc", 0.75, 0)]

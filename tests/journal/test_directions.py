"""Which way a metric gets better, by its name and by the callbacks that monitor it."""

import pytest

from autotrack.journal.directions import Direction, better, monitored


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("loss val_loss train_loss_epoch test/loss VAL_LOSS log_loss dice_loss val_iou_loss", "min"),
        (
            "rmse val_mse mae mape perplexity nll neg_log_likelihood val_err error wer cer brier inference_seconds",
            "min",
        ),
        ("accuracy val_acc acc auroc roc_auc val_f1 f1_score precision recall r2 val_r2 R2 r2_score", "max"),
        ("iou dice map bleu reward mcc episode_return log_likelihood samples_per_second", "max"),
        ("mean_fit_time mean_score_time split0_score_time rank_test_score negative_likelihood_ratio", "min"),
        ("brier_score_loss test_brier_score_loss val_score_loss", "min"),
        ("mean_test_score positive_likelihood_ratio train_neg_loss precision_at_rank_1 accuracy_over_time", "max"),
        ("val_ppl test_wer categorical_crossentropy val/cross_entropy", "min"),
        ("power lower_bound supply indices", None),
        ("lr-Adam lr-SGD/pg1 temperature grad_norm epoch step momentum", None),
        ("epoch_seconds checkpoint_seconds validation_seconds test/step_seconds", None),  # nobody judges by these
        ("std_test_score std_score_time std_fit_time LinearSVC/std_test_score", None),
    ],
)
def test_the_name_of_a_metric_tells_which_direction_is_better(names: str, expected: Direction | None) -> None:
    assert {name: better(name) for name in names.split()} == dict.fromkeys(names.split(), expected)


def test_a_callback_tells_the_direction_of_the_metric_it_monitors() -> None:
    params = {
        "EarlyStopping.monitor": "val_score",
        "EarlyStopping.mode": "min",
        "ModelCheckpoint.monitor": "val_acc",
        "ModelCheckpoint.mode": "auto",
        "ModelCheckpoint.patience": 3,
    }
    assert monitored(params) == {"val_score": "min"}

"""Which keys are results, and which way is better: the published table.

Pure: no I/O, no third-party import. In a flat dictionary nothing says what went in and what came
out, so the key decides, and this table is what it is looked up in (docs print it). `inputs=` and
`outputs=` are never guessed.

A key is brought down to the name that the table holds: ``val/acc``, ``Accuracy/test``,
``metrics/mAP50(B)``, ``eval_f1_macro`` and ``acc.max`` are ``acc``, ``accuracy``, ``map50``, ``f1`` and ``acc``. Words
of `SPLITS` are taken off both ends, a statistic of `STATISTICS` off the right one, and digits
(``rouge2``, ``recall@5``) if the name is not in the table with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final, Literal

Goal = Literal["max", "min"]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


HIGHER_IS_BETTER: Final = _names(
    """acc accuracy balanced_accuracy top top_k_accuracy f1 f1_score fbeta precision recall sensitivity specificity
    tpr tnr auc auroc roc_auc auprc pr_auc average_precision ap map map50 iou miou jaccard dice r2 r2_score
    explained_variance pearson spearman pearsonr spearmanr bleu sacrebleu rouge rougel rouge_l meteor chrf bertscore
    cider psnr ssim kappa cohen_kappa qwk mcc matthews_corrcoef ndcg mrr hit hits hit_rate reward episode_reward
    mean_reward return episode_return win_rate success_rate score exact_match em pass inception_score log_likelihood
    elbo silhouette silhouette_score adjusted_rand_score ari nmi throughput samples_per_second steps_per_second
    tokens_per_second"""
)
"""Names of results of which more is better."""

LOWER_IS_BETTER: Final = _names(
    """loss error err error_rate mae mse rmse msle rmsle mape smape medae max_error mean_absolute_error
    mean_squared_error root_mean_squared_error perplexity ppl nll cross_entropy binary_crossentropy
    categorical_crossentropy bce logloss log_loss brier brier_score ece fid kid lpips wer cer ter edit_distance
    bits_per_byte bits_per_dim bpb bpc bpd fpr fnr kl kl_divergence hamming_loss regret latency latency_ms
    inference_time"""
)
"""Names of results of which less is better."""

NEITHER: Final = _names(
    "tp tn fp fn true_positives true_negatives false_positives false_negatives runtime total_flos grad_norm"
)
"""Names of results without a better way."""

ENDINGS: Final = ("loss", "accuracy", "acc", "f1", "auc", "rmse", "mae", "mse")
"""Last words that make any key a result: ``box_loss``, ``cat_accuracy``."""

PLANS: Final = frozenset(("target", "use", "weight", "min", "desired"))
"""First words that make such a key an input all the same: ``target_accuracy``."""

SPLITS: Final = _names(
    """train training val valid validation test testing eval evaluation dev holdout cv oof metrics metric epoch
    overall macro micro weighted avg average mean best final last global"""
)
"""Words that say of what a result is, not which: taken off both ends."""

HELD_OUT: Final = _names("val valid validation test testing eval evaluation dev holdout cv oof")
"""Words that say that a result is of data that the model didn't learn from."""

SPEEDS: Final = _names(
    "throughput samples_per_second steps_per_second tokens_per_second latency latency_ms inference_time"
)
"""Names of results that are seldom what a run is for."""

STATISTICS: Final = _names("max min mean first last std var max_step min_step first_step last_step")
"""What may follow a result's name after a dot: ``acc.max``."""


def guess_role(key: str) -> Literal["input", "output"]:
    """Guess whether a key of a flat dictionary is an input or an output."""
    name, _ = _reduced(key)
    return "output" if _known(name) else "input"


def goal(key: str) -> Goal | None:
    """Say which way of a result is better; None where the table doesn't know."""
    name, statistic = _reduced(key)
    if statistic in {"std", "var"} or statistic.endswith("_step"):
        return None
    name = _known(name) or ""
    if name in HIGHER_IS_BETTER:
        return "max"
    return "min" if name in LOWER_IS_BETTER else None


def main_metric(keys: Iterable[str], said: Mapping[str, Goal] | None = None) -> tuple[str, Goal] | None:
    """Choose the result that runs are judged by, and say which way of it is better; None where there is none.

    What was `said` comes first, by name or by a pattern such as ``val/*``; then the first result of held-out data
    (``val_acc``), the first of any, and last those of the training data and speeds.
    """
    there = list(keys)
    for name, way in (said or {}).items():
        for key in there:
            if key == name or ("*" in name and fnmatchcase(key, name)):
                return key, way
    known = [(key, known_way) for key in there if (known_way := goal(key)) is not None]
    return min(known, key=lambda one: _weight(one[0]), default=None)


def _weight(key: str) -> int:
    words = set(re.split(r"[_/.\-\s:]+", key.strip().lower()))
    if _reduced(key)[0] in SPEEDS or words & {"train", "training"}:
        return 2
    return 0 if words & HELD_OUT else 1


def name_of(key: str) -> str:
    """Return what is measured, whatever the split: ``loss`` for ``val_loss``; an unknown key is its own name."""
    name, _ = _reduced(key)
    return name if _known(name) else key


def _known(name: str) -> str | None:
    """Return the table's name for a reduced key."""
    stem = re.sub(r"[@_]?\d+(_\d+)?$", "", name)
    for candidate in (name, stem):
        if candidate in HIGHER_IS_BETTER or candidate in LOWER_IS_BETTER or candidate in NEITHER:
            return candidate
    first, _, _ = name.partition("_")
    last = name.rpartition("_")[2]
    return last if last in ENDINGS and first not in PLANS else None


@lru_cache(maxsize=4096)
def _reduced(key: str) -> tuple[str, str]:
    """Split a key into the name to look up and the statistic behind it."""
    key = re.sub(r"\([a-z0-9]\)$", "", key.strip().lower())  # Ultralytics' "(B)" for boxes
    stem, dot, statistic = key.rpartition(".")
    if dot and statistic in STATISTICS:
        key = stem
    else:
        statistic = ""
    words = [word for word in re.split(r"[_/.\-\s:]+", key) if word]
    whole = "_".join(words)
    while len(words) > 1 and words[0] in SPLITS and "_".join(words) not in HIGHER_IS_BETTER:
        words = words[1:]
    while len(words) > 1 and words[-1] in SPLITS | {"std"}:
        statistic = "std" if words[-1] == "std" else statistic
        words = words[:-1]
    return ("_".join(words) or whole), statistic

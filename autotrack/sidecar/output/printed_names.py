"""Which of the names that stand before printed numbers are those of metrics, and how they are written down."""

import re

_LONGEST = 48
_MOST_WORDS = 6
_MOST_WORDS_IF_UNKNOWN = 4
_LONGEST_IF_UNKNOWN = 32

STAGES = "training|train|trn|validation|validate|valid|val|evaluation|evaluate|eval|dev|testing|test|tst"

_STAGE_WORD = re.compile(rf"(?:^|[_/.\-])({STAGES})(?:$|[_/.\-])")
_UNCLEAN = re.compile(r"(?:[^\w./@-]|_)+")
_FILLERS = re.compile(r"^(?:(?:the|our|a|an|and|with|then|current|your|got|its)_)+|(?:_(?:is|was|of|are|at|the))+$")
_PARENTHESES = re.compile(r"\s*\([^()]{0,30}\)")
_WORDS = re.compile(r"[_/.\- ]+")
_QUALIFIERS = frozenset(
    "best final avg average mean overall total balanced macro micro weighted top-1 top-5 min max".split()
)

_CERTAIN = re.compile(
    r"loss|accura|perplexity|"
    r"(?:^|[_/.\-])(?:"
    r"acc|error|err|score|f1|f2|fbeta|f-score|f-measure|auc|auroc|auprc|roc_auc|pr_auc|aucroc|precision|recall|"
    r"prec|sensitivity|specificity|mse|rmse|mae|mape|smape|wmape|rmsle|msle|r2|r\^2|r2_score|ppl|nll|bpc|bpd|bpb|bce|kld|kl|"
    r"elbo|bleu|rouge|rougel|rouge_l|meteor|cider|chrf|wer|cer|ter|em|exact_match|iou|miou|giou|dice|jaccard|"
    r"map|mrr|ndcg|hit|hits|hr|psnr|ssim|lpips|fid|reward|rewards|return|returns|mcc|kappa|ari|nmi|silhouette|inertia|"
    r"spearman|pearson|corr|eer|ece|brier|top[1-9]|logloss|log_likelihood|likelihood|mpjpe|epe|dsc|hd95|metric|ap|ap50|ap75"
    r")\d*(?:@[\w.]{1,6})?(?:$|[_/.\-@])"
)
"""Names that tell a metric wherever they stand."""

_NEVER = re.compile(
    r"/s(?:ec)?$|per_sec|"
    r"(?:^|[_/.\-])(?:"
    r"runtime|dur|"
    r"time|times|eta|elapsed|remaining|seconds|secs|sec|duration|took|wall|clock|latency|ms|not|"
    r"epochs|steps|iters|iterations|batches|batchsize|size|sizes|params?|parameters|count|counts|counter|num|nb|"
    r"number|seed|seeds|version|port|rank|gpu|gpus|cuda|device|memory|mem|mb|gb|ram|vram|cpu|throughput|speed|fps|"
    r"length|len|shape|dim|dims|layers?|patience|pid|date|width|height|depth|ids?|idx|index|weights?|"
    r"thresholds?|thresh|fn|func|function|type|coef|coeff|coefficient|lambda|smoothing|decay|momentum|dropout|"
    r"workers|optim|optimizer|scheduler|clip|warmup|interval|freq|frequency|every|path|file|name|url|host|ip|"
    r"address|support|code|status|exit|tolerance|tol|eps|epsilon|betas|limit|delta|factor|reduction|n_estimators|"
    r"class_weight|flops|macs|gflops|scaler|increment|margin|penalty|expected|required|goal|baseline|random"
    r")(?:$|[_/.\-])|^(?:n|num|min|is|use|has|no|nb|init|initial)_(?!.*(?:loss|acc|reward|return|score|err|f1|auc))"
)
"""Words that make a number something else: a time, an amount, a setting."""

_NEVER_ALONE = re.compile(
    r"(?:^|[_/.\-])(?:"
    r"epoch|step|iter|iteration|batch|samples?|images?|examples?|tokens?|rows?|columns?|data|page|pages|line|year|"
    r"hidden|ips|wps|ups|split|bs|target|max_norm|v_num|trainable|progress|percent|ago|days?|hours?|minutes?|mins?|"
    r"today|january|info|debug|warning|saved?|saving|per|window|capacity|buffer|kernel|stride|padding|heads|vocab|"
    r"vocabulary|classes|features|checkpoint|ckpt|model|python|torch|numpy|random_state|n_jobs|max_depth|bsz|trial|"
    r"fold|instances|run|worker|server|download|version|total_time|max|step_size|args?|config|question|chapter|section|figure"
    r")(?:$|[_/.\-])"
)
"""Words with which a name that is not known as that of a metric is none."""

_IN_SENTENCES = re.compile(r"[_ ](?:of|on|over|at|in|after|the|for|is|was|from|so_far|to|with)(?=[_ ])")


def clean(raw: str) -> str:
    """Return a name as it is recorded: in lower case, with `_` for blanks; nothing for what is no name.

    >>> clean("Valid Loss"), clean("  - Acc@1"), clean("valid_1's l2"), clean("0x3f")
    ('valid_loss', 'acc@1', 'valid_1_l2', '')
    """
    if "(" in raw:
        raw = _PARENTHESES.sub(lambda found: "_" + found[0].strip(" ()") if found[0][0] == "(" else "", raw)
    name = raw.lower().replace("'s ", " ").replace(". ", " ").replace("'", "").replace("^", "")
    name = _FILLERS.sub("", _UNCLEAN.sub("_", name).strip("_./-@"))
    return name if name and name[0].isalpha() and len(name) <= 4 * _LONGEST else ""


def certain(name: str) -> str:
    """Return the name under which a number is recorded that is a metric wherever it stands; nothing for others.

    >>> certain("valid_loss"), certain("batch_size"), certain("loss_weight"), certain("accuracy_on_the_test_images")
    ('valid_loss', '', '', 'test_accuracy')
    """
    if not _CERTAIN.search(name):
        return ""
    if _IN_SENTENCES.search(name) or len(name) > _LONGEST or len(_WORDS.split(name)) > _MOST_WORDS:
        name = _without_sentence(name)
    return "" if not name or _NEVER.search(name) else name


def plausible(name: str) -> str:
    """Return a name that is that of a metric if the number stands beside one, or is printed during training.

    >>> plausible("kl_weighted"), plausible("lr"), plausible("elapsed"), plausible("x"), plausible("d_x")
    ('kl_weighted', 'lr', '', '', 'd_x')
    """
    if len(name) < 2 or len(name) > _LONGEST_IF_UNKNOWN or len(_WORDS.split(name)) > _MOST_WORDS_IF_UNKNOWN:
        return ""
    is_none = _NEVER.search(name) or _NEVER_ALONE.search(name) or _IN_SENTENCES.search(name)
    return "" if is_none else name


def stage_of(name: str) -> str:
    """Return the word for training, validation or test in a name; nothing if there is none.

    >>> stage_of("val_loss"), stage_of("loss")
    ('val', '')
    """
    found = _STAGE_WORD.search(name)
    return found[1] if found else ""


def is_final(name: str) -> bool:
    """Whether a metric is one of the whole training rather than of one epoch, by its name.

    >>> is_final("test_accuracy"), is_final("final_loss"), is_final("val_loss")
    (True, True, False)
    """
    return _FINAL.search(name) is not None


_FINAL = re.compile(r"(?:^|[_/.\-])(?:test|testing|tst|final|best|overall)(?:$|[_/.\-])")


def _without_sentence(name: str) -> str:
    """Return what a sentence is about, as in "accuracy of the network on test images"; nothing if that is unclear."""
    words = [word for word in name.split("_") if word]
    index = next((i for i, word in enumerate(words) if _CERTAIN.search(word)), None)
    if index is None or "class" in words or "label" in words:
        return "" if index is None or len(name) > _LONGEST else name
    begin = index
    while begin and (
        words[begin - 1] in _QUALIFIERS or _STAGE_WORD.search(words[begin - 1]) or words[begin - 1] in _KINDS
    ):
        begin -= 1
    end = index + 1
    while end < len(words) and _CERTAIN.search(words[end]):
        end += 1
    short = "_".join(words[begin:end])
    if not stage_of(short):
        stage = next((word for word in words if _STAGE_WORD.fullmatch(word)), "")
        short = f"{stage}_{short}" if stage else short
    return short


_KINDS = frozenset(
    "classification regression generator discriminator reconstruction contrastive cross entropy".split()
)

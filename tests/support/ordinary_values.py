"""Ordinary values of trainings, many of which sound like secrets. All of them have to stay as they are."""

from typing import Any

PARAMS: dict[str, Any] = {
    "max_tokens": 20000, "max_new_tokens": 256, "n_tokens": 3, "tokenizer": "bert-base-uncased",
    "tokenizer_name": "google/mt5-small", "tokens_per_second": 12345.6, "token_dim": 64, "pad_token": "<pad>",
    "eos_token": "</s>", "bos_token": "<s>", "unk_token": "[UNK]", "mask_token": "[MASK]", "cls_token": "[CLS]",
    "token": None, "use_auth_token": True, "hub_token": "${HF_TOKEN}", "token_pattern": r"(?u)\b\w\w+\b",
    "placeholder_token": "<cat-toy>", "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
    "token_type_ids": [0, 0, 1], "vocab_size": 128256, "hidden_size": 4096, "key_dim": 64, "num_keys": 8,
    "sort_key": "loss", "primary_key": "sample_id", "public_key": "none", "password_file": "/run/secrets/db",
    "api_key_env": "OPENAI_API_KEY", "secret_name": "prod/db", "author": "Ada", "auth_mode": "oauth",
    "secretary": "none", "passes": 3, "bypass": False, "compass": "north", "monkey": "see", "cookiecutter": "ml",
    "model_name_or_path": "meta-llama/Llama-3.1-8B", "revision": "main", "commit": "9f8b1c0d" * 5,
    "dataset_sha256": "0123456789abcdef" * 4, "run_id": "6fa459ea-ee8a-3ca4-894e-db77e160355e",
    "output_dir": "./results/run_01", "data_dir": "/data/imagenet/train", "url": "https://example.org/data.csv?page=2",
    "bucket": "s3://bucket/path@2024/model.pt", "mail": "me@example.org", "image": "repo@sha256:0123",
    "optimizer": "adamw_torch_fused", "learning_rate": 3e-4, "betas": [0.9, 0.999], "eps": 1e-8, "seed": 42,
    "weight_decay": 0.01, "scheduler": "cosine_with_restarts", "warmup_ratio": 0.03, "precision": "bf16-mixed",
    "devices": [0, 1], "strategy": "ddp", "batch_size": 64, "num_workers": 8, "pin_memory": True, "dropout": 0.1,
    "activation": "gelu", "monitor": "val/loss", "mode": "min", "patience": 3, "filename": "{epoch}-{val_loss:.2f}",
    "task": "task-0123456789abcdefghijkl", "dataset": "desk-lamp-images-v2", "hf_model": "hf_internal_testing",
    "estimator": "sk-learn-random-forest", "npm_config": "npm_config_cache", "risk": "risk-averse-learning",
    "chat_template": "{% for m in messages %}{{ m['role'] }}{% endfor %}", "basic": "BasicBlock", "pwd": "/home/ada",
    "standardize": "lower_and_strip_punctuation", "target_modules": "all-linear", "peft_type": "LORA", "top_p": 0.9,
    "class_weight.0": 1.0, "stop_words": "english", "kernel": "rbf", "gamma": "scale", "solver": "lbfgs", "C": 1.0,
    "criterion": "gini", "n_estimators": 200, "max_depth": 12, "bootstrap": True, "ngram_range": [1, 2],
}  # fmt: skip
ARGV = [
    *("--lr=0.1", "--max_tokens=5", "--tokenizer", "bert-base-uncased", "--pad_token", "<pad>", "--sort_key", "loss"),
    *("--password_file", "/run/x", "--api_key_env=OPENAI_API_KEY", "model.token_dim=64", "+trainer.max_epochs=3"),
    *("--config=conf/app.toml", "--hub_token=${HF_TOKEN}", "--token", "None", "--revision", "9f8b1c0d" * 5),
]
TAGS = {
    "why": "paper", "team": "vision", "tokens": "3 billion", "author": "Ada", "git": "9f8b1c0", "ticket": "ML-4711",
    "stage": "pre-training", "data": "s3://bucket/imagenet", "mail": "me@example.org", "secretary": "Grace",
}  # fmt: skip
LINES = """\
epoch 3 step 120: loss=0.123 acc: 0.9 lr=1e-3 tokens_per_s=1234 token 5 of 100
KeyError: 'password'
ValueError: unexpected token: 5
TypeError: login() got an unexpected keyword argument 'token'
`token`: The token to use
self.password = password
token = os.environ['HF_TOKEN']
password = getpass.getpass()
api_key=args.api_key, token=hf_token)
mask token: [MASK], EOS token = '</s>'
if token == 'end':
PASSWORD: ${DB_PASSWORD}
HF_TOKEN=$(cat file)
import secrets; from tokenizers import Tokenizer
tests/test_token.py::test_secret PASSED
commit 9f8b1c0d9f8b1c0d9f8b1c0d9f8b1c0d9f8b1c0d by Author: Ada
the bearer of news; basic training; a secret garden
sk-learn-random-forest-classifier hf_model desk-lamp
/home/me/secrets/key.json and C:\\tokens\\x.txt
W0417 token ids out of range, ignored
Downloading tokenizer_config.json: 100%
Loaded 128256 tokens from tokenizer.json in 0.3 s
Saving checkpoint to runs/digits/epoch=3-step=120.ckpt
GPU 0: NVIDIA A100-SXM4-40GB, 40536 MiB, driver 550.54.15
See https://example.org/docs/auth?page=2#tokens for more
Number of key/value heads: 8, head dim: 128
val_loss improved from 0.34512 to 0.31207
| Name | Type | Params | token_embedding | Embedding | 98.3 M |
[rank: 0] Seed set to 42
cookies and passes are everyday words
""".splitlines()
METRICS = str.split(
    "loss val_loss tokens_per_second token_accuracy n_tokens key_error_rate perplexity val/acc f1 secret_recall "
    "password_strength_mae auth_latency_seconds"
)
CODE = """\
import os
import secrets
from getpass import getpass
from tokenizers import Tokenizer

MAX_TOKENS = 512
PAD_TOKEN = "<pad>"
token = os.environ["HF_TOKEN"]
api_key = os.getenv("OPENAI_API_KEY")
password = getpass("Password: ")


def login(token: str, key: bytes, password: str | None = None) -> None:
    self.token = token
    self.api_key = args.api_key
    connect(password=password, token=hf_token)


def generate(tokens, next_token="x", max_new_tokens=256):
    for token in tokens:
        if token == "end":
            break
    key = jax.random.key(0)
    return tokens[i], {"tokenizer": Tokenizer, "key_dim": 64, "sort_key": "loss"}


class Attention:
    def __init__(self, key_dim: int = 64, num_tokens: int = 8):
        self.token_embedding = Embedding(num_tokens, key_dim)
        self.special_tokens = ["<s>", "</s>"]
        self.auth = auth or default_auth
        self.secret = None
"""
CONFIG = """\
model: bert-base-uncased
tokenizer: google/mt5-small
max_tokens: 512
pad_token: "<pad>"
token: ${HF_TOKEN}
password: ${oc.env:DB_PASSWORD}
api_key_env: OPENAI_API_KEY
sort_key: loss
data: https://example.org/data.csv
commit: 9f8b1c0d9f8b1c0d9f8b1c0d9f8b1c0d9f8b1c0d
lr: 0.0003
"""
PROSE = "The tokenizer has 128256 tokens. See `token_dim`; a key is no secret, and basic training is over.\n"
PACKAGES = {
    "google-auth": "2.29.0", "python-secrets": "23.4.2", "tokenizers": "0.19.1", "keyring": "25.2.0", "pyjwt": "2.8.0",
    "django-password-strength": "1.2.1", "sentry-sdk": "2.1.1", "cookiecutter": "2.6.0", "oauthlib": "3.2.2",
    "secretstorage": "3.3.3", "passlib": "1.7.4", "azure-keyvault-secrets": "4.8.0", "apikey": "0.2.4", "token": "0.1",
}  # fmt: skip

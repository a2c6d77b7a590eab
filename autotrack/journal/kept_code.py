"""Why files of the user's code are not kept, or not as they were: what runs say of it, and readers understand."""

SUSPICIOUS = "may be a secret, by its name"
HOLDS_SECRET = "there is a secret in it"  # noqa: S105  a reason

REDACTED = "kept without the secrets in them"
"""How the message begins that names files in which secrets were replaced."""

WRITTEN_LATE = "after the start of the run"
"""What the messages say of code that may have been another when the run started."""

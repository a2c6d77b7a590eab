"""What tests of output.log share: seconds that pass when they are told to, and what the file holds."""

from autotrack.sidecar.output.log import OutputLog


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class NoRedaction:
    def redact_text(self, text: str) -> tuple[str, list[str]]:
        return text, []

    def learn_secret(self, name: str, value: str) -> None:
        pass


def no_problem(message: str) -> None:
    raise AssertionError(message)


def lines_of(log: OutputLog) -> list[str]:
    text = log.path.read_text(encoding="utf-8") if log.path.exists() else ""
    assert not text or text.endswith("\n")
    return text.split("\n")[:-1]

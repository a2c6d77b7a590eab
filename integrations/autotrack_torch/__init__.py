"""Records training loops that are written in plain PyTorch.

Call `autotrack.autolog()` once and change nothing else: the first step of an optimizer starts a run. Nothing is
exported, because there is no callback: a loop has no place for one.
"""

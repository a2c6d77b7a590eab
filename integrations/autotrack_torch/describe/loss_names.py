"""Names for the values that `backward` is called on: by the variable, the function, the line, or the model."""

import ast
import linecache
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType

from autotrack_torch.describe.script_metrics import is_written_by_script
from autotrack_torch.losses import Backward, Site
from autotrack_torch.members import Member


@dataclass(frozen=True)
class Waiting:
    """The first loss of a loop with several optimizers, until it is known whether the others share its line.

    `label` is what the script calls the optimizer or its model among others of their kind.
    """

    site: Site
    member: Member
    label: str


class LossNames:
    """Names for the losses of one loop. A single one is `loss`, several are told apart by their variables.

    Where one line serves several models, each has a name of its own, by the key or the number that it has among them.
    `loss` becomes `loss_step` where the script itself gives the name `loss` to what it writes.
    """

    def __init__(self) -> None:
        self.waiting: Waiting | None = None
        self._names: dict[Site, str] = {}
        self._owners: dict[Site, Member] = {}  # whose loss had the name first
        self._shared: dict[tuple[Site, Member], str] = {}
        self._codes: list[CodeType | None] = []  # kept, so that their identities stay their own
        self._variables: dict[str, str | None] = {}
        self._plain = ""  # the name of a loss of which nothing more is to be said, once there is one

    def known(self, losses: dict[Site, Backward]) -> dict[Site, Backward]:
        """Return those of the losses that steps have followed before."""
        return {site: loss for site, loss in losses.items() if site in self._names}

    def settled(self, site: Site, member: Member) -> tuple[str | None, CodeType | None]:
        """Return the name of a loss that is no longer in question, and the code that calls `backward`; or None."""
        if self.waiting is not None or self._owners.get(site) is not member:
            return None, None
        return self._names[site], next(code for code in self._codes if id(code) == site[0])

    def of(
        self,
        losses: dict[Site, Backward],
        member: Member,
        *,
        are_several: Callable[[], bool],
        label: Callable[[], str],
    ) -> dict[str, Backward]:
        """Return the losses of one step by name, without one whose name has to wait.

        `are_several` tells whether other optimizers have losses as well, `label` what the script calls this one.
        """
        if len(losses) == 1:  # the usual case
            ((site, loss),) = losses.items()
            if self._owners.get(site) is member:
                return {self._names[site]: loss}
        if not (self._names.keys() >= losses.keys()):
            is_several = len(losses) > 1 or are_several()
            self._name_new(losses, member, is_one_of_several=is_several)
            if is_several and not self._shared and list(self._names.values()) == [self._plain]:
                self.waiting = Waiting(next(iter(losses)), member, label())
                return {}
        named: dict[str, Backward] = {}
        for site, loss in losses.items():
            name = self._name_for(site, member, label)
            if name in named:  # several places share a name, because only one of them is used in most steps
                named[name].add(loss.total)
            else:
                named[name] = loss
        return named

    def settle(
        self,
        waiting: Waiting,
        member: Member | None,
        losses: dict[Site, Backward],
        *,
        is_one_of_many: Callable[[], bool],
    ) -> str:
        """Return the name of the loss that waits, now that the next step is made by `member`, or none comes."""
        self.waiting = None
        if member is waiting.member:
            is_shared = is_one_of_many()
        else:
            is_shared = member is not None and waiting.site in losses and waiting.member.works_beside(member)
        if is_shared:
            self._names[waiting.site] = f"loss/{waiting.label}"
        return self._names[waiting.site]

    def _name_for(self, site: Site, member: Member, label: Callable[[], str]) -> str:
        owner = self._owners[site]
        if owner is member:
            return self._names[site]
        known = self._shared.get((site, member))
        if known is None:
            known = self._names[site]
            if owner.works_beside(member):
                known = f"loss/{label()}" if self._is_plain(known) else f"{known}-{label()}"
                if known in {*self._names.values(), *self._shared.values()}:
                    known = f"{known}-{member.name}"
            self._shared[site, member] = known
        return known

    def _is_plain(self, name: str) -> bool:
        """Whether the variable with this name says no more than that it is a loss."""
        return not label_of(self._variables.get(name))

    def _name_new(self, losses: dict[Site, Backward], member: Member, *, is_one_of_several: bool) -> None:
        for site, loss in losses.items():
            if site in self._names:
                continue
            self._plain = self._plain or ("loss_step" if is_written_by_script("loss") else "loss")
            variable = variable_at(loss.code, site[1])
            name = self._name(variable, loss.code, site[1], losses, is_one_of_several=is_one_of_several)
            self._names[site] = name
            self._owners[site] = member
            self._variables.setdefault(name, variable)
            self._codes.append(loss.code)

    def _name(
        self,
        variable: str | None,
        code: CodeType | None,
        place: int,
        losses: dict[Site, Backward],
        *,
        is_one_of_several: bool,
    ) -> str:
        if not is_one_of_several:
            return self._plain
        taken = {name for site, name in self._names.items() if site in losses or self._variables.get(name) != variable}
        label = label_of(variable)
        if not label and self._plain not in taken:
            return self._plain
        function = code.co_name if code is not None and not code.co_name.startswith("<") else ""
        for choice in (label, function, f"{label or function}{'-' * bool(label or function)}line{_line(code, place)}"):
            if choice and f"loss/{choice}" not in taken:
                return f"loss/{choice}"
        return f"loss/{len(self._names)}"


def variable_at(code: CodeType | None, place: int) -> str | None:
    """Return the variable that a call of `backward` is made on, as the source has it; None where there is none."""
    if code is None or place < 0:
        return None
    try:
        line, end_line, start, end = list(code.co_positions())[place // 2]
    except (AttributeError, IndexError):
        return None
    if line is None or end_line is None or start is None or end is None:
        return None
    lines = [linecache.getline(code.co_filename, number) for number in range(line, end_line + 1)]
    source = "".join(lines).encode()
    last = len(source) - len(lines[-1].encode()) + end
    try:
        call = ast.parse(source[start:last].decode(), mode="eval").body
    except (SyntaxError, UnicodeDecodeError):
        return None
    return _variable_of_call(call)


def _variable_of_call(call: ast.expr) -> str | None:
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    base: ast.expr = call.func.value
    if isinstance(base, ast.Call) and isinstance(base.func, ast.Attribute) and base.func.attr == "scale" and base.args:
        base = base.args[0]  # of a GradScaler
    elif call.args and not isinstance(base, ast.Call):  # fabric.backward(loss), torch.autograd.backward(loss)
        base = call.args[0]
    return _variable(base)


def _variable(value: ast.expr) -> str | None:
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=key)):
            return str(key)
        case ast.Subscript(value=inner) | ast.UnaryOp(operand=inner):
            return _variable(inner)
        case ast.BinOp(left=left, right=right):
            return _variable(left) or _variable(right)
        case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _OF_TENSORS:
            return _variable(inner)
    return None  # such as a function that is called on the spot


_OF_TENSORS = {"abs", "clone", "cuda", "double", "float", "mean", "pow", "sqrt", "square", "squeeze", "sum", "to"}


_LOSS = re.compile(r"(?i:(?<![a-z])loss(es)?(?![a-z]))|^loss(?=[A-Z0-9])|(?<=[a-z0-9])Loss$")


def label_of(variable: str | None) -> str:
    """Return what a variable says beyond that it is a loss.

    >>> [label_of(name) for name in ("loss", "loss_G", "generator_loss", "lossD", "errD_real")]
    ['', 'G', 'generator', 'D', 'errD_real']
    """
    words = [word for word in re.split(r"_+", _LOSS.sub("_", variable or "")) if word]
    return "_".join(words)


def _line(code: CodeType | None, place: int) -> int:
    if code is None:
        return 0
    lines = [line for start, end, line in code.co_lines() if start <= place < end and line is not None]
    return lines[0] if lines else code.co_firstlineno

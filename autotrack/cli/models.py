"""`autotrack models` shows and changes the registered models of a store, `autotrack register` adds one to them."""

import shlex
import warnings
from pathlib import Path
from typing import Annotated, Literal

import typer

from autotrack import settings
from autotrack.cli import models_shown
from autotrack.cli.asking import agreed
from autotrack.cli.guessed_commands import ModelCommands
from autotrack.cli.models_export import export
from autotrack.cli.named_run import named_run
from autotrack.cli.options import JsonOption, RunArgument, StoreOption
from autotrack.cli.plain_arguments import PlainCommand
from autotrack.cli.printing import say, say_json
from autotrack.errors import AutotrackWarning, ModelRegistryError
from autotrack.format import shown
from autotrack.model_names import CHAMPION, parsed
from autotrack.models import aliases
from autotrack.models.announcing import announce
from autotrack.models.promotion import promote, usual_rules
from autotrack.models.registration import register as register_run
from autotrack.models.registry import Registry
from autotrack.readers import catalog

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="A registered model: `digits`, `digits/3` or `digits@champion`.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name of a registered model.")]
AliasArgument = Annotated[str, typer.Argument(metavar="ALIAS", help="Such as `champion`.")]
WeightsOption = Annotated[
    Literal["last", "best"], typer.Option("--weights", help="Those that training ended with, or the best checkpoint.")
]
DescriptionOption = Annotated[str, typer.Option("--description", "-d", help="What is to be said of the version.")]
TagsOption = Annotated[
    list[str] | None, typer.Option("--tag", "-t", metavar="NAME=VALUE", help="A tag of the version.")
]

models = typer.Typer(
    help="Show and change registered models: versions of models, and aliases such as `@champion` that point to them.",
    cls=ModelCommands,
    rich_markup_mode="markdown",
    epilog="""Examples:

    autotrack models                              all registered models

    autotrack models show digits@champion         where it comes from: run, code, data, packages

    autotrack models alias digits champion 3      @champion is version 3 from now on

    autotrack models promote digits "best val_acc, if better than @champion on the same data"

    autotrack models undo digits champion         back to the version before""",
)


@models.callback(invoke_without_command=True)
def list_models(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show and change registered models: versions of models, and aliases such as `@champion` that point to them."""
    if context.invoked_subcommand is not None:
        return
    _print_all(_registry(store), as_json=as_json)


def _print_all(registry: Registry, *, as_json: bool) -> None:
    found = list(registry.models())
    if as_json:
        say_json([models_shown.model_as_json(registry, model) for model in found])
    elif found:
        models_shown.print_models(registry, found)
    else:
        say(f"no registered models in {registry.store}; `autotrack register RUN NAME` makes one", err=True)


@models.command("list", hidden=True, cls=PlainCommand)
def list_all(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show all registered models."""
    outer = context.parent.params if context.parent else {}
    _print_all(_registry(store or outer.get("store")), as_json=as_json or outer.get("as_json", False))


@models.command("show", cls=PlainCommand)
def show_model(model: ModelArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show a registered model with its versions and history, or one version and where it comes from."""
    registry, wanted = _registry(store), parsed(model)
    found = registry.model(wanted.name)
    one_version = wanted.version is not None or wanted.alias is not None
    if as_json and one_version:
        say_json(models_shown.version_as_json(registry, found, found.version(wanted)))
    elif as_json:
        say_json(models_shown.model_as_json(registry, found))
    elif one_version:
        models_shown.print_version(registry, found, found.version(wanted))
    else:
        models_shown.print_model(registry, found)


@models.command("alias", cls=PlainCommand)
def alias_model(
    name: NameArgument,
    alias: AliasArgument,
    version: Annotated[str, typer.Argument(metavar="[VERSION]", help="A number, or another alias with `@`.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the alias away.")] = False,
    store: StoreOption = None,
) -> None:
    """Have an alias point to a version, by default the latest, or take it away."""
    _check_order(name, alias, version)
    registry = _registry(store)
    if remove:
        aliases.remove_alias(registry, name, alias)
        say(f"{name} has no @{alias.removeprefix('@')} any more")
        _follow_up(registry, name)
        return
    separator = "" if version.startswith("@") else "/"
    wanted = parsed(f"{name}{separator}{version}" if version else name)
    number = registry.model(name).version(wanted).version
    moved = aliases.move_alias(registry, wanted._replace(version=number, alias=None), alias)
    before = f"; it was version {moved.before}" if moved is not None and moved.before else ""
    say(f"@{alias.removeprefix('@')} of {name} is version {number}{' already' if moved is None else before}")
    _follow_up(registry, name)


@models.command("promote", cls=PlainCommand)
def promote_model(
    name: NameArgument,
    rule: Annotated[
        str,
        typer.Argument(
            metavar="[RULE]",
            help="Such as `best val_acc`; by default the one in the settings, or the metric that training watched.",
        ),
    ] = "",
    on_promote: Annotated[
        str, typer.Option("--on-promote", help="A command or URL that is told; by default the one in the settings.")
    ] = "",
    store: StoreOption = None,
) -> None:
    """Have an alias, `@champion` by default, point to the best version, if that beats the one that has it.

    Versions are only compared by metrics that were measured on the same data. What was decided, by which rule and why
    is recorded, and `autotrack models undo` takes it back.
    """
    chosen, registry = settings.resolve(), _registry(store)
    decision = promote(registry, name, rule or chosen.promote or _usual_rule(registry, name))
    if decision.move is None:
        say(f"nothing is promoted: {decision.reason}")
        return
    say(f"@{decision.move.alias} of {name} is version {decision.version}: {decision.reason}")
    _follow_up(registry, name)
    if told := on_promote or chosen.on_promote:
        announced = announce(registry, name, decision.move, told)
        say(
            f"told {announced.to}{f', but {announced.problem}' if announced.problem else ''}",
            err=bool(announced.problem),
        )


@models.command("undo", cls=PlainCommand)
def undo_model(name: NameArgument, alias: AliasArgument = "champion", store: StoreOption = None) -> None:
    """Take back the last move or promotion of an alias."""
    registry = _registry(store)
    moved = aliases.undo_move(registry, name, alias)
    where = f"version {moved.version} again" if moved.version else "taken away again"
    say(f"@{moved.alias} of {name} is {where}; it was version {moved.before}")
    _follow_up(registry, name)


@models.command("describe", cls=PlainCommand)
def describe_model(
    model: ModelArgument,
    description: Annotated[str | None, typer.Argument(help="The new description.")] = None,
    tags: TagsOption = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", "-r", help="Remove the tag of this name.")] = None,
    store: StoreOption = None,
) -> None:
    """Describe a registered model, or one version of it, and set or remove its tags."""
    registry, wanted = _registry(store), parsed(model)
    one_version = wanted.version is not None or wanted.alias is not None
    number = registry.model(wanted.name).version(wanted).version if one_version else None
    aliases.describe(
        registry, wanted.name, number, description=description, tags=_tags(tags), removed=tuple(remove or ())
    )
    say(f"{wanted} is described")
    _follow_up(registry, wanted.name)


@models.command("rm", cls=PlainCommand)
def remove_model(
    model: ModelArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: StoreOption = None,
) -> None:
    """Remove a version, or move a model with all its versions into `models/.trash`. The runs stay as they are."""
    registry, wanted = _registry(store), parsed(model)
    found = registry.model(wanted.name)
    if wanted.version is None and wanted.alias is None:
        if agreed(f"move {wanted.name} with {len(found.versions)} versions into the trash", yes=yes):
            say(f"moved to {shown(registry.remove(wanted.name).absolute())}")
        return
    number = found.version(wanted).version
    if agreed(f"delete version {number} of {wanted.name} for good", yes=yes):
        aliases.remove_version(registry, wanted._replace(version=number, alias=None))
        say(f"deleted version {number} of {wanted.name}")


def register(
    run: RunArgument,
    name: NameArgument,
    weights: WeightsOption = "last",
    description: DescriptionOption = "",
    tags: TagsOption = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="URL", help="Register it on this MLflow server, too.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Make the model of a run the next version of a registered model: `autotrack register latest digits`.

    The files lie in `models/NAME` of the store, and stay there when the run is removed. The same model of the same run
    is registered once. Then `autotrack.load_model("models:/digits/1")` loads it.
    """
    recorded = named_run(run, store)
    with warnings.catch_warnings(record=True, action="always", category=AutotrackWarning) as told:
        version = register_run(recorded, name, weights=weights, description=description, tags=_tags(tags))
    for warning in told:
        say(str(warning.message), err=True)
    say(f"{name}/{version.version} is the model of {recorded.name} ({models_shown.weights_of(version)})")
    if to:
        from autotrack.cli.model_servers import send_registered  # it imports all that the sidecar does

        if not send_registered(recorded, name, to):
            raise typer.Exit(1)


models.command("register")(register)
models.command("export")(export)


def _check_order(name: str, alias: str, version: str) -> None:
    """Raise `ModelRegistryError` for a version where the name or the alias is to stand, and say how it is written."""
    model = parsed(name)
    if alias.removeprefix("v").isdecimal():
        right = (model.name, version.removeprefix("@") or CHAMPION, alias.removeprefix("v"))
    elif model.version is not None:
        right = (model.name, alias, str(model.version))
    elif model.alias is not None:
        right = (model.name, alias, f"@{model.alias}")
    else:
        return
    raise ModelRegistryError(
        f"the order is name, alias, version; did you mean `autotrack models alias {shlex.join(right)}`?"
    )


def _usual_rule(registry: Registry, name: str) -> str:
    """Return the rule by the metric that all versions are judged by, and say so. Raises `ModelRegistryError`."""
    rules = usual_rules(registry, name)
    if len(rules) == 1:
        say(f"by the metric that its versions are judged by: {rules[0]!r}", err=True)
        return rules[0]
    possible = rules or ["best min val_loss, if better than @champion on the same data"]
    commands = [f"  autotrack models promote {shlex.quote(name)} {shlex.quote(one)}" for one in possible]
    why = (
        "its versions are judged by several metrics" if rules else "no metric is known that its versions are judged by"
    )
    raise ModelRegistryError(
        "\n".join([f"there is no rule, and {why}; give one:", *commands])
        + "\nor set `promote` in [tool.autotrack] of pyproject.toml"
    )


def _follow_up(registry: Registry, name: str) -> None:
    from autotrack.cli.model_servers import say_followed  # it imports all that the sidecar does

    say_followed(registry, name)


def _registry(store: Path | None) -> Registry:
    return Registry(catalog.existing_store(store))


def _tags(texts: list[str] | None) -> dict[str, str]:
    tags = {}
    for text in texts or []:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise ModelRegistryError(f"{text!r} is no tag; write it as in why=paper")
        tags[name] = value
    return tags

"""`monitor apply`: makes the feeds and channels of the settings file those in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base

if TYPE_CHECKING:
    from monitor.types.plans import Change, Plan, SettingsRow


def apply(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    as_json: base.AsJson = False,
) -> None:
    """Apply the settings file: its feeds and channels become those in force.

    Shows what is added, changed and switched off, and does it. What commands changed stands until the entry of the file
    itself changes. A daemon's start does the same, but on PostgreSQL it switches nothing off.

    \b
    Examples:
      monitor apply --dry-run
      monitor --config /etc/monitor.toml apply
    """
    from monitor.service import in_force
    from monitor.service.app import App

    cli = base.cli_of(ctx)
    cli.log()
    entries, file = App(cli.settings).entries, in_force.file_of(cli.settings)
    with base.opened(cli.settings) as db:
        limit_for = cli.settings.delivery.max_age_for
        plan = in_force.apply_by_command(db, entries, file=file, now=cli.now(), is_dry=dry_run, max_age_for=limit_for)
    if as_json:
        base.print_json(_fields(plan))
        return
    _show(plan, is_dry=dry_run)
    written = [*plan.adds, *(each.entry for each in plan.changes)]
    if not dry_run and (names := [each.name for each in written if each.kind == "channel"]):
        cli.say(
            f"where a daemon runs, it knows the address of {', '.join(names)} once it is started again; alerts wait until then"
        )


def _show(plan: Plan, *, is_dry: bool) -> None:
    from monitor.config import plan as plans

    if plan.is_empty:
        base.line("nothing to do: the settings are in force")
    else:
        base.line(f"{'would be done' if is_dry else 'done'}: {plans.words(plan)}")
    for each in plans.what_remains(plan):
        base.line(f"left: {each}")
    for each in (*plans.releases(plan), *plans.offers(plan)):
        base.line(each)


def _fields(plan: Plan) -> dict[str, object]:
    """The plan without values, which may be secret: kinds, names and the fields that change."""
    return {
        "adds": [{"kind": each.kind, "name": each.name} for each in plan.adds],
        "changes": [_change(each) for each in plan.changes],
        "switches_off": [_row(each) for each in plan.switches_off],
        "keeps": [{**_row(each), "by_hand": each.by_hand} for each in plan.keeps],
        "released": [{"name": name, "alerts": count} for name, count in plan.released],
        "held": [{**_row(each), "alerts": each.held} for each in plan.held],
    }


def _change(change: Change) -> dict[str, object]:
    return {
        "kind": change.entry.kind,
        "name": change.entry.name,
        "fields": sorted(change.fields),
        "is_back": change.is_back,
    }


def _row(row: SettingsRow) -> dict[str, object]:
    return {"kind": row.kind, "name": row.name}

"""``experiment-sheet google``: getting in, and sharing."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from experiment_sheet import google as service
from experiment_sheet.backends.registry import parse
from experiment_sheet.cli.options import Commands, json_option, print_json, sheet_option
from experiment_sheet.cli.tables import console
from experiment_sheet.errors import UnknownTarget
from experiment_sheet.sheet import default_target


@click.group(cls=Commands)
def google() -> None:
    """Google Sheets: whose credentials are used, what they may, and sharing.

    \b
    Example:
      experiment-sheet google check https://docs.google.com/spreadsheets/d/KEY/edit
      experiment-sheet google share teammate@example.org -s https://docs.google.com/spreadsheets/d/KEY/edit
    """


@google.command()
@click.argument("url", required=False)
@json_option
def check(url: str | None, as_json: bool) -> None:
    """Say whose credentials are used, whether they can read and write the sheet and, where not, what to do.

    Changes nothing. Without URL the default sheet is meant, if it is a Google Sheet. Exit code 1: something is in the
    way.

    \b
    Example:
      experiment-sheet google check https://docs.google.com/spreadsheets/d/KEY/edit
    """
    report = service.check(url or _default())
    if as_json:
        print_json(asdict(report))
    else:
        _show(report)
    sys.exit(1 if report.error or (report.url and report.todo) else 0)


@google.command()
@click.argument("email")
@click.option("--role", type=click.Choice(service.ROLES), default="writer", show_default=True)
@click.option("--quiet", is_flag=True, help="Send them no mail.")
@sheet_option
@json_option
def share(email: str, role: str, quiet: bool, sheet: str, as_json: bool) -> None:
    """Give a person access to the sheet.

    \b
    Example:
      experiment-sheet google share teammate@example.org --role writer -s https://docs.google.com/spreadsheets/d/KEY/edit
    """
    service.share(sheet, email, role=role, notify=not quiet)
    if as_json:
        print_json({"sheet": sheet, "email": email, "role": role})
    else:
        click.echo(f"{email} is a {role} of {sheet}")


@google.command()
@click.option("--client", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The OAuth client's file.")
def login(client: Path | None) -> None:
    """Log in as yourself, with the browser, and keep the login where gspread keeps it.

    Needed once, and only if you use no service account. Without --client the file is credentials.json in gspread's
    folder.

    \b
    Example:
      experiment-sheet google login --client ~/Downloads/client_secret.json
    """
    click.echo(f"Kept in {service.login(client)}")


def _default() -> str | None:
    target = default_target()
    try:
        return target if parse(target).scheme == "gsheet" else None
    except UnknownTarget:
        return None


def _show(report: service.Report) -> None:
    from rich.table import Table
    from rich.text import Text

    lines = {"who": f"{report.identity} ({report.kind})" if report.kind != "nobody" else "nobody", "from": report.way}
    if report.url:
        lines |= {"sheet": f"{report.title}  {report.url}".strip()}
        lines |= {"read": _yes(report.can_read), "write": _yes(report.can_write)}
    lines |= {"error": report.error, "to do": report.todo, "note": report.hint}
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, text in lines.items():
        if text:
            table.add_row(name, Text(text, style=_STYLES.get(name if name == "to do" else text, "")))
    console().print(table)


_STYLES = {"yes": "green", "no": "red", "to do": "bold"}


def _yes(can: bool) -> str:
    return "yes" if can else "no"

"""What the imports of files say of what they read."""

from collections.abc import Mapping

import click

from ingest.order_files.files import OrderFiles
from ingest.order_files.summary import OrderSummary


def say_files(files: OrderFiles) -> None:
    """How each file is read, and which column is which."""
    for file in files.files:
        named = ", ".join(f"{file.table.names[at]!r} is {field}" for field, at in file.columns.items())
        export = f"{file.preset.name}, " if file.preset.name else ""
        click.echo(f"{file.path.name}: {export}{file.table.format}\n  {named}")


def say_orders(summary: OrderSummary) -> None:
    """What of orders is in the files, one line a figure; nothing where there is none."""
    if summary.orders or summary.credits:
        click.echo(
            f"  {summary.orders:>11,}  orders ({summary.cancelled:,} cancelled, {summary.refunded:,} with refunds), "
            f"{summary.credits:,} credit notes without an order"
        )
        click.echo(f"  {summary.customers:>11,}  customers, {summary.guests:,} guests without a name")
    for code, sums in sorted(summary.sums.items()):
        click.echo(
            f"  {sums.net:>11,.2f}  {code} net: {sums.orders:,.2f} ordered, {sums.returned:,.2f} given back"
        )
    for count, text in (
        (summary.unpaid, "orders not paid (pending, failed, voided): no orders"),
        (summary.empty, "returns of nobody and of no amount, such as write-offs: left out"),
        (summary.erased, "orders of people who were erased: left out"),
    ):
        if count:
            click.echo(f"  {count:>11,}  {text}")
    for word, count in summary.states.items():
        click.echo(
            f"  {count:>11,}  orders or lines with the status {word!r}, which is not known: taken for sales"
        )


def say_told(summary: OrderSummary, notes: Mapping[str, int]) -> None:
    """What was new, and what no event can tell."""
    for text, count in notes.items():
        click.echo(f"  {count:>11,}  {text}")
    for name, count in sorted(summary.events.items()):
        click.echo(f"  {count:>11,}  {name}: new")
    click.echo(f"  {summary.unchanged:>11,}  orders known already, and unchanged")


def say_refused(files: OrderFiles) -> bool:
    """What was refused, by reason; whether nothing was."""
    for file in files.files:
        for reason, count in file.rejects.reasons.most_common():
            click.echo(f"  {count:>11,}  refused: {reason}")
        for each in file.rejects.examples:
            click.echo(f"  {file.path.name} line {each.line:,}: {each.reason}")
        if file.rejects.count and file.rejects.path:
            click.echo(f"  The refused rows are in {file.rejects.path}")
    return not any(file.rejects.count for file in files.files)

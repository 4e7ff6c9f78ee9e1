"""`archbo delete`: trials whose results are known to be wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from archbo.cli.options import Store


def delete(
    store: Store,
    trials: Annotated[
        list[int],
        typer.Argument(
            min=0, help="The numbers of the trials.", metavar="TRIAL...", show_default=False
        ),
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether to do it.")] = False,
) -> None:
    """Let trials count no more whose results are known to be wrong.

    Models, incumbents and figures are without them from now on; a search that runs takes notice
    before its next proposal. What they gave stays stored, marked as deleted; there is no way back.
    """
    from rich.text import Text

    from archbo import store as stores
    from archbo.errors import StoreError
    from archbo.store.records import check_deletable
    from archbo.views.infos import study_info, study_name
    from archbo.views.levels import in_a_line
    from archbo.views.terminal import Terminal

    console = Terminal()
    with stores.Store.open(store, create=False) as opened:
        stored = opened.study()
        study = study_info(stored.settings, name=study_name(store))
        records = {record.number: record for record in stored.read()}
        numbers = list(dict.fromkeys(trials))
        for number in numbers:
            if number not in records:
                words = f"no trial {number}; there are {len(records)}, numbered from 0"
                raise StoreError(words, path=opened.name)
            check_deletable(number, records[number].state, opened.name)
        for number in numbers:
            console.print(Text(in_a_line(records[number], study)), soft_wrap=True)
        if not yes and not typer.confirm("Delete it?" if len(numbers) == 1 else "Delete them?"):
            console.print("Nothing was deleted.")
            raise typer.Exit(1)
        for number in numbers:
            stored.delete(number)
    console.print("Deleted.")

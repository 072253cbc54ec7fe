"""Moments as people type them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Moment(click.ParamType[datetime]):
    """`today`, `yesterday`, `3d` (or m, h, w) ago, `2026-11-24` or `2026-11-24T16:00`; in UTC."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """A moment in UTC."""
        now = datetime.now(UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if value in ("today", "yesterday"):
            return midnight - timedelta(days=value == "yesterday")
        if match := re.fullmatch(r"(\d+)([mhdw])", value):
            return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no moment: give today, yesterday, 3d, 12h, or 2026-11-24", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

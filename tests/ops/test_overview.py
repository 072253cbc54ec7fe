"""The index that the sweep renews, with links that lead somewhere."""

import re
from datetime import UTC, date, datetime, timedelta
from posixpath import join, normpath
from urllib.parse import unquote

from support.cloud import Cloud

from cbi import IngestionPipeline
from cbi.local.sample import sample_table
from cbi.ops.announce import announce, history_of
from cbi.ops.overview import renew_overview
from cbi.ops.sweep import sweep

LAST = date(2026, 11, 20)


def read(cloud: Cloud, name: str) -> str:
    blob = cloud.storage.bucket(cloud.output_bucket).get_blob(name)
    assert blob is not None, name
    assert blob.content_type == "text/html; charset=utf-8"
    text: str = blob.download_as_text()
    return text


def links(cloud: Cloud, name: str) -> list[str]:
    """What a page's links lead to, as names in the bucket."""
    found = re.findall(r'href="([^"]+)"', read(cloud, name))
    return [normpath(join(name, "..", unquote(link))) for link in found]


def test_every_link_from_the_index_on_leads_somewhere(
    cloud: Cloud, pipeline: IngestionPipeline, unique: str
) -> None:
    report = announce(pipeline, pipeline.ingest(sample_table(7, LAST, unique)))
    sweep(pipeline)
    weeks = links(cloud, "index.html")
    assert weeks
    pages = [page for week in dict.fromkeys(weeks) for page in links(cloud, week)]
    mine = f"reports/staged/{report.source.uri.partition('/staged/')[2]}"
    assert f"{mine}/{report.source.generation}.html" in pages
    assert report.message in read(cloud, f"{mine}/{report.source.generation}.html")


def test_days_that_are_over_are_not_listed_again(
    cloud: Cloud, pipeline: IngestionPipeline, unique: str
) -> None:
    announce(pipeline, pipeline.ingest(sample_table(7, LAST, unique)))
    renew_overview(pipeline, datetime.now(UTC))
    asked: list[datetime | None] = []
    history = type(history_of(pipeline))
    newest = history.newest

    def noting(self: object, **options: object) -> object:
        asked.append(options.get("since"))  # type: ignore[arg-type]
        return newest(self, **options)  # type: ignore[arg-type]

    history.newest = noting  # type: ignore[method-assign, assignment]
    try:
        renew_overview(pipeline, datetime.now(UTC))
    finally:
        history.newest = newest  # type: ignore[method-assign]
    assert asked[0] is not None
    assert datetime.now(UTC) - asked[0] < timedelta(days=2)

"""Contracts that lie in a bucket, fetched once by each process."""

from pathlib import Path
from tempfile import mkdtemp

from cbi.clients import storage_client
from cbi.contract.catalog import is_fetched, use_fetched_feeds
from cbi.errors import Misconfigured
from cbi.gcs.store import ObjectStore
from cbi.settings import Settings, feeds_folder

_SCHEME = "gs://"


def fetch_feeds(settings: Settings) -> None:
    """Fetch the contracts where CBI_FEEDS is a prefix of a bucket, such as gs://BUCKET/feeds/.

    Raises Misconfigured where there are none, and Transient.
    """
    uri = feeds_folder()
    if uri is None or not uri.startswith(_SCHEME) or is_fetched(uri):
        return
    store = ObjectStore(storage_client(settings))
    bucket, _, prefix = uri.removeprefix(_SCHEME).partition("/")
    prefix = f"{prefix.rstrip('/')}/" if prefix else ""
    folder = Path(mkdtemp(prefix="cbi-feeds-"))
    for listed in store.list(bucket, prefix):
        name = listed.file.name.removeprefix(prefix)
        if "/" not in name and name.endswith(".yaml"):
            content = store.read(bucket, listed.file.name)
            if content is not None:
                (folder / name).write_bytes(content[0])
    if not any(folder.iterdir()):
        raise Misconfigured(f"CBI_FEEDS is {uri!r}, and no NAME.yaml is there")
    use_fetched_feeds(uri, folder)

"""The contracts there are: the feeds in `cbi/feeds/` or CBI_FEEDS, and the tables in `cbi/tables/`."""

from functools import cache
from pathlib import Path

from cbi.contract.feed import Feed
from cbi.contract.parse import read_feed
from cbi.errors import InvalidFile, Misconfigured, Reason
from cbi.settings import feeds_folder

_FEEDS = Path(__file__).parents[1] / "feeds"
_TABLES = Path(__file__).parents[1] / "tables"


def feed_names() -> list[str]:
    """The feeds there are: one YAML file each, whatever its content. Raises Misconfigured without folder."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def use_fetched_feeds(uri: str, folder: Path) -> None:
    """Say where the contracts are that CBI_FEEDS has in a bucket. Those that were read are forgotten."""
    _fetched[uri] = folder
    load_feed.cache_clear()


def is_fetched(uri: str) -> bool:
    return uri in _fetched


def writable_feed_file(name: str) -> Path:
    """A contract's file, to be changed. Raises Misconfigured for one that lies in a bucket."""
    if (configured := feeds_folder()) and is_fetched(configured):
        raise Misconfigured(
            f"CBI_FEEDS is {configured!r}; set it to the folder of the contracts to be changed"
        )
    return feed_file(name)


_fetched: dict[str, Path] = {}


def _folder() -> Path:
    configured = feeds_folder()
    if configured is None:
        return _FEEDS
    folder = _fetched.get(configured) or Path(configured)
    if not folder.is_dir():
        wanted = "it must be a folder of contracts, NAME.yaml each, or a gs:// prefix of such"
        raise Misconfigured(f"CBI_FEEDS is {configured!r}: {wanted}")
    return folder


def feed_file(name: str) -> Path:
    """The contract's file. Raises KeyError for an unknown name."""
    if name not in feed_names():
        raise KeyError(name)
    return _folder() / f"{name}.yaml"


@cache
def load_feed(name: str) -> Feed:
    """Read a feed's contract. Raises KeyError for an unknown name and Misconfigured for a bad contract."""
    return read_feed(feed_file(name))


def load_feeds() -> tuple[tuple[Feed, ...], tuple[Misconfigured, ...]]:
    """Read every feed's contract: those that are sound, and an error for each of the others.

    A feed's fault stays that feed's: what goes through all feeds does the sound ones and tells of the rest.
    """
    feeds, errors = [], []
    for name in feed_names():
        try:
            feeds.append(load_feed(name))
        except Misconfigured as error:
            errors.append(error)
    return tuple(feeds), tuple(errors)


def load_staged_feed(name: str) -> Feed:
    """Read the contract that a staged file's folder names. Raises InvalidFile when there is none."""
    try:
        return load_feed(name)
    except KeyError:
        message = (
            f"there is no feed called {name!r}; drop the file under staged/<feed>/, where <feed> is one of"
            f" {', '.join(feed_names())}"
        )
        raise InvalidFile(Reason.UNKNOWN_FEED, message) from None


def contract_files() -> list[Path]:
    """The files of all contracts, those of other tables too."""
    return [*map(feed_file, feed_names()), *sorted(_TABLES.glob("*.yaml"))]


@cache
def other_tables() -> tuple[Feed, ...]:
    """The contracts of the tables that no file is loaded into."""
    return tuple(read_feed(path) for path in sorted(_TABLES.glob("*.yaml")))

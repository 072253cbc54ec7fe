"""What a file may claim to be, judged from its footer alone, before anything of it is decoded."""

import struct
from dataclasses import asdict, dataclass

import pyarrow as pa

from cbi.errors import InvalidFile, Reason
from cbi.settings import Settings

_TAIL = struct.Struct("<I4s")


def check_footer_size(file: pa.NativeFile, settings: Settings) -> None:
    """Refuse a footer whose length, in the file's last 8 bytes, is over the limit.

    Raises InvalidFile, also for a file that does not end as parquet does.
    """
    size = file.size()
    if size < _TAIL.size:
        message = f"the file has {size} bytes, too few for parquet; write it again and drop it again"
        raise InvalidFile(Reason.UNREADABLE_FILE, message)
    file.seek(size - _TAIL.size)
    length, magic = _TAIL.unpack(file.read(_TAIL.size))
    file.seek(0)
    if magic not in (b"PAR1", b"PARE"):
        message = "the file does not end as parquet does; write it as parquet, whole, and drop it again"
        raise InvalidFile(Reason.UNREADABLE_FILE, message)
    if length + _TAIL.size > size:
        message = f"its footer should have {length:,} bytes, but the file has {size:,}; drop it again, whole"
        raise InvalidFile(Reason.UNREADABLE_FILE, message)
    check_footer_length(length, settings)


def check_footer_length(length: int, settings: Settings) -> None:
    """Refuse a footer of more bytes than the limit. Raises InvalidFile."""
    _refuse_over("a footer of {:,} bytes", length, "MAX_FOOTER_BYTES", settings.max_footer_bytes)


@dataclass(frozen=True)
class Declared:
    """What a footer says there is; `columns` are leaves, `uncompressed` is in bytes."""

    columns: int
    rows: int
    row_groups: int
    uncompressed: int


def check_declared(declared: Declared, settings: Settings) -> None:
    """Refuse a file that declares more than the limits, or less than nothing. Raises InvalidFile."""
    for what, found in asdict(declared).items():
        if found < 0:
            message = (
                f"its footer says it has {found:,} {what.replace('_', ' ')}; write it again and drop it again"
            )
            raise InvalidFile(Reason.UNREADABLE_FILE, message)
    _refuse_over("{:,} columns", declared.columns, "MAX_COLUMNS", settings.max_columns)
    _refuse_over("{:,} rows", declared.rows, "MAX_ROWS", settings.max_rows)
    _refuse_over("{:,} row groups", declared.row_groups, "MAX_ROW_GROUPS", settings.max_row_groups)
    bytes_setting, most = "MAX_UNCOMPRESSED_BYTES", settings.max_uncompressed_bytes
    _refuse_over("{:,} bytes uncompressed", declared.uncompressed, bytes_setting, most)


def _refuse_over(what: str, found: int, setting: str, limit: int) -> None:
    if found > limit:
        raise InvalidFile(
            Reason.TOO_LARGE,
            f"the file has {what.format(found)}; at most {limit:,} are taken ({setting}): split it, or raise"
            " the setting",
        )

"""The names that parquet's own definition gives to the numbers in a file, as far as they are used here.

A class is a struct, union or enum of parquet.thrift, its members are field numbers or values:
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from enum import IntEnum


class Physical(IntEnum):
    """How values are stored (the enum Type)."""

    BOOLEAN = 0
    INT32 = 1
    INT64 = 2
    INT96 = 3
    FLOAT = 4
    DOUBLE = 5
    BYTE_ARRAY = 6
    FIXED_LEN_BYTE_ARRAY = 7


class Repetition(IntEnum):
    """Whether a value is always there, may be NULL, or comes any number of times (FieldRepetitionType)."""

    REQUIRED = 0
    OPTIONAL = 1
    REPEATED = 2


class Codec(IntEnum):
    """How pages are compressed (CompressionCodec)."""

    UNCOMPRESSED = 0
    SNAPPY = 1
    GZIP = 2
    ZSTD = 6
    LZ4_RAW = 7


class Encoding(IntEnum):
    """How a page's values are written down."""

    PLAIN = 0
    PLAIN_DICTIONARY = 2
    RLE = 3
    BIT_PACKED = 4
    RLE_DICTIONARY = 8
    BYTE_STREAM_SPLIT = 9


class FileMetaData:
    VERSION = 1
    SCHEMA = 2
    NUM_ROWS = 3
    ROW_GROUPS = 4
    KEY_VALUE_METADATA = 5
    CREATED_BY = 6
    COLUMN_ORDERS = 7
    ENCRYPTION_ALGORITHM = 8


class KeyValue:
    KEY = 1
    VALUE = 2


class SchemaElement:
    TYPE = 1
    REPETITION_TYPE = 3
    NAME = 4
    NUM_CHILDREN = 5
    CONVERTED_TYPE = 6
    LOGICAL_TYPE = 10


class LogicalType:
    STRING = 1
    DATE = 6
    TIMESTAMP = 8


class TimestampType:
    IS_ADJUSTED_TO_UTC = 1
    UNIT = 2


class TimeUnit:
    MILLIS = 1
    MICROS = 2


class ConvertedType:
    """The forerunner of LogicalType, which readers of old still ask."""

    UTF8 = 0
    DATE = 6
    TIMESTAMP_MILLIS = 9
    TIMESTAMP_MICROS = 10


class ColumnOrder:
    TYPE_ORDER = 1


class RowGroup:
    COLUMNS = 1
    TOTAL_BYTE_SIZE = 2
    NUM_ROWS = 3
    SORTING_COLUMNS = 4
    FILE_OFFSET = 5
    TOTAL_COMPRESSED_SIZE = 6
    ORDINAL = 7


class SortingColumn:
    COLUMN_IDX = 1


class ColumnChunk:
    FILE_PATH = 1
    FILE_OFFSET = 2
    META_DATA = 3


class ColumnMetaData:
    TYPE = 1
    ENCODINGS = 2
    PATH_IN_SCHEMA = 3
    CODEC = 4
    NUM_VALUES = 5
    TOTAL_UNCOMPRESSED_SIZE = 6
    TOTAL_COMPRESSED_SIZE = 7
    DATA_PAGE_OFFSET = 9
    INDEX_PAGE_OFFSET = 10
    DICTIONARY_PAGE_OFFSET = 11
    STATISTICS = 12
    ENCODING_STATS = 13


class Statistics:
    """`MAX` and `MIN` are the older pair, compared as signed numbers whatever the type."""

    MAX = 1
    MIN = 2
    NULL_COUNT = 3
    MAX_VALUE = 5
    MIN_VALUE = 6
    NAN_COUNT = 9


class PageHeader:
    TYPE = 1
    UNCOMPRESSED_PAGE_SIZE = 2
    COMPRESSED_PAGE_SIZE = 3
    DATA_PAGE_HEADER = 5
    DICTIONARY_PAGE_HEADER = 7
    DATA_PAGE_HEADER_V2 = 8


class PageType:
    DATA_PAGE = 0
    DICTIONARY_PAGE = 2
    DATA_PAGE_V2 = 3


class DataPageHeader:
    NUM_VALUES = 1
    ENCODING = 2
    DEFINITION_LEVEL_ENCODING = 3


class DataPageHeaderV2:
    NUM_VALUES = 1
    ENCODING = 4
    DEFINITION_LEVELS_BYTE_LENGTH = 5
    REPETITION_LEVELS_BYTE_LENGTH = 6
    IS_COMPRESSED = 7


class DictionaryPageHeader:
    ENCODING = 2

"""The fast strategy to enrich a file: append new column chunks and a new footer to the staged bytes.

A parquet file is column chunks, and a footer that says where they are. A column in a group that is always
there has the same definition levels as outside of it, so its pages serve as they are; only what the footer
says of them changes. What has no pages yet (regimes, constants, casts) is encoded behind the staged bytes,
as are rows of a row group that not all go into the same part.

The staged bytes and behind them a part's delta are a parquet file, equal to what `rewrite` writes. `plan`
decides what stays and what is encoded, `delta` makes the bytes to append.
"""

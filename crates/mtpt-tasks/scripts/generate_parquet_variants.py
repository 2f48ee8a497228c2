"""Writes tests/fixtures/parquet/: the same rows in every encoding, compression and page version, odd
but valid files, and files that expand without limit.

Needs numpy and pyarrow. Run from anywhere:

    python generate_parquet_variants.py
"""

import decimal
import pathlib

import numpy
import pyarrow
import pyarrow.parquet

FOLDER = pathlib.Path(__file__).parent.parent / "tests" / "fixtures" / "parquet"
ROWS = 30


def write(name, table, **options):
    pyarrow.parquet.write_table(table, FOLDER / f"{name}.parquet", store_schema=False, **options)


def names(row):
    return None if row % 5 == 4 else [f"name {item}" for item in range(row % 4)]


rows = pyarrow.table(
    {
        "id": pyarrow.array([row * row * 7919 - 5000 for row in range(ROWS)], pyarrow.int64()),
        "small": pyarrow.array([None if row % 3 == 0 else -row for row in range(ROWS)], pyarrow.int32()),
        "text": pyarrow.array([None if row % 7 == 6 else f"common start {row} \u00e9" * (row % 3) for row in range(ROWS)]),
        "flag": pyarrow.array([row % 3 == 0 for row in range(ROWS)]),
        "single": pyarrow.array([row / 4 for row in range(ROWS)], pyarrow.float32()),
        "double": pyarrow.array([row / 3 for row in range(ROWS)], pyarrow.float64()),
        "half": pyarrow.array(numpy.arange(ROWS, dtype=numpy.float16) / 2),
        "price": pyarrow.array([decimal.Decimal(row - 5) / 100 for row in range(ROWS)], pyarrow.decimal128(20, 2)),
        "names": pyarrow.array([names(row) for row in range(ROWS)], pyarrow.list_(pyarrow.string())),
        "answers": pyarrow.array([None if row % 4 == 3 else {"text": names(row), "start": [row]} for row in range(ROWS)]),
        "nested": pyarrow.array([[[row]] * (row % 2) for row in range(ROWS)]),
        "map": pyarrow.array([[("a", row)] * (row % 3) for row in range(ROWS)], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
        "image": pyarrow.array([b"\xff" * (row % 3) for row in range(ROWS)]),
    }
)
small_pages = {"row_group_size": 11, "data_page_size": 16, "write_batch_size": 4}
deltas = {
    "id": "DELTA_BINARY_PACKED",
    "small": "DELTA_BINARY_PACKED",
    "text": "DELTA_BYTE_ARRAY",
    "flag": "RLE",
    "single": "BYTE_STREAM_SPLIT",
    "double": "BYTE_STREAM_SPLIT",
    "half": "BYTE_STREAM_SPLIT",
    "price": "DELTA_BYTE_ARRAY",
    "names.list.element": "DELTA_LENGTH_BYTE_ARRAY",
    "answers.text.list.element": "DELTA_BYTE_ARRAY",
    "answers.start.list.element": "DELTA_BINARY_PACKED",
}
for version in ["1.0", "2.0"]:
    for codec in ["none", "snappy", "gzip", "zstd"]:
        dictionary = {"use_dictionary": codec in ["snappy", "gzip"]}
        encodings = {"column_encoding": deltas} if codec == "zstd" else {}
        name = f"{codec}-v{version[0]}"
        write(name, rows, compression=codec, data_page_version=version, **dictionary, **encodings, **small_pages)
write("deltas-unpaged", rows, compression="none", use_dictionary=False, column_encoding=deltas)
write("brotli", rows.select(["id"]), compression="brotli")
write("lz4", rows.select(["id"]), compression="lz4")

# Odd, but valid.
write("no-rows", rows.slice(0, 0))
write("no-columns", pyarrow.table({}))
writer = pyarrow.parquet.ParquetWriter(FOLDER / "empty-groups.parquet", rows.schema, store_schema=False)
for part in [rows.slice(0, 0), rows.slice(0, 1), rows.slice(0, 0), rows.slice(1, 1)]:
    writer.write_table(part)
writer.close()
write("nulls", pyarrow.table({"text": pyarrow.nulls(1000), "label": pyarrow.array([1] * 1000)}))
write("one-value", pyarrow.table({"text": ["same"] * 100_000, "label": pyarrow.array([1] * 100_000)}))


def nested(depth):
    value, kind = 7, pyarrow.int64()
    for _ in range(depth):
        value, kind = {"a": value}, pyarrow.struct([("a", kind)])
    return pyarrow.table({"a": pyarrow.array([value], kind)})


write("nested-100", nested(100))
write("nested-400", nested(400))

# Expand without limit.
write("million-rows", pyarrow.table({"text": pyarrow.nulls(3_000_000, pyarrow.string())}))
repeated = pyarrow.DictionaryArray.from_arrays(numpy.zeros(10_000, numpy.int32), ["long" * 250_000])
write("repeated-text", pyarrow.table({"text": repeated}), compression="zstd", write_statistics=False)
write("long-text", pyarrow.table({"text": ["long" * 15_000_000]}), compression="zstd", use_dictionary=False, write_statistics=False)

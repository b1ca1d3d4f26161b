"""The contenders that are libraries, each as a person would write it.

    python peers.py PEER FUNCTION BY MADE COLUMN INPUT OUTPUT WORKERS

Each takes a job and makes a DataFrame of its own kind, reads and writes with its own means, and
imports nothing that it does not need.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any, NamedTuple

import functions
from tables_of import read_pandas, write_pandas


class Job(NamedTuple):
    function: Any
    by: str
    made: str
    column: str
    input: str
    output: str
    workers: int


def apply(frame: Any, job: Job) -> Any:
    """What everyone does to a DataFrame, or to a part of one."""
    if job.by == "chunk":
        return job.function(frame)
    if job.by == "value":
        return frame.assign(**{job.made: frame[job.column].map(job.function)})
    return frame.assign(**{job.made: frame.apply(job.function, axis=1)})


def serial_pandas(job: Job) -> None:
    write_pandas(apply(read_pandas(job.input), job), job.output)


def parts(frame: Any, workers: int) -> list[Any]:
    size = -(-len(frame) // (4 * workers))
    return [frame.iloc[start : start + size] for start in range(0, len(frame), size)]


def pool_recipe(job: Job) -> None:
    """Pool.apply_async over parts of the DataFrame, and pd.concat: the recipe."""
    import multiprocessing

    import pandas as pd

    frame = read_pandas(job.input)
    with multiprocessing.Pool(job.workers) as pool:
        results = [pool.apply_async(apply, (part, job)) for part in parts(frame, job.workers)]
        done = pd.concat([result.get() for result in results])
    write_pandas(done, job.output)


def with_joblib(job: Job) -> None:
    import pandas as pd
    from joblib import Parallel, delayed

    frame = read_pandas(job.input)
    run = Parallel(n_jobs=job.workers)
    done = run(delayed(apply)(part, job) for part in parts(frame, job.workers))
    write_pandas(pd.concat(done), job.output)


def with_pandarallel(job: Job) -> None:
    from pandarallel import pandarallel

    pandarallel.initialize(nb_workers=job.workers, progress_bar=False, verbose=0)
    frame = read_pandas(job.input)
    if job.by == "value":
        frame[job.made] = frame[job.column].parallel_map(job.function)
    else:
        frame[job.made] = frame.parallel_apply(job.function, axis=1)
    write_pandas(frame, job.output)


def with_mapply(job: Job) -> None:
    import mapply

    mapply.init(n_workers=job.workers, progressbar=False, chunk_size=1, max_chunks_per_worker=4)
    frame = read_pandas(job.input)
    if job.by == "value":
        frame[job.made] = frame[job.column].mapply(job.function)
    else:
        frame[job.made] = frame.mapply(job.function, axis=1)
    write_pandas(frame, job.output)


def with_dask(job: Job) -> None:
    import dask
    import dask.dataframe as dd

    dask.config.set(scheduler="processes", num_workers=job.workers)
    if job.by == "chunk":
        dask.config.set(scheduler="threads", num_workers=job.workers)
    parquet = job.input.endswith(".parquet")
    frame = dd.read_parquet(job.input) if parquet else dd.read_csv(job.input, blocksize=16 << 20)
    meta = apply(frame.head(2), job).iloc[:0]
    done = frame.map_partitions(partial(apply, job=job), meta=meta).compute()
    write_pandas(done, job.output)


def with_polars(job: Job) -> None:
    import polars as pl

    parquet = job.input.endswith(".parquet")
    frame = pl.read_parquet(job.input) if parquet else pl.read_csv(job.input)
    if job.by == "value":
        values, kind = pl.col(job.column), pl.String
    else:
        values, kind = pl.struct(pl.all()), pl.Float64
    column = values.map_elements(job.function, return_dtype=kind).alias(job.made)
    done = frame.with_columns(column)
    if parquet:
        done.write_parquet(job.output)
    else:
        done.write_csv(job.output)


def with_duckdb(job: Job) -> None:
    import duckdb

    link = duckdb.connect(config={"threads": job.workers})
    parquet = job.input.endswith(".parquet")
    reader = "read_parquet" if parquet else "read_csv"
    if job.by == "value":
        link.create_function("f", job.function, ["VARCHAR"], "VARCHAR")
        what = f"* REPLACE (f({job.column}) AS {job.made})"
    else:
        link.create_function("f", functions.haversine, ["DOUBLE"] * 4, "DOUBLE")
        what = f"*, f(start_lat, start_lon, stop_lat, stop_lon) AS {job.made}"
    form = "FORMAT parquet" if parquet else "HEADER"
    link.execute(f"COPY (SELECT {what} FROM {reader}('{job.input}')) TO '{job.output}' ({form})")


PEERS = {
    "pandas": serial_pandas,
    "pool": pool_recipe,
    "joblib": with_joblib,
    "pandarallel": with_pandarallel,
    "mapply": with_mapply,
    "dask": with_dask,
    "polars": with_polars,
    "duckdb": with_duckdb,
}


if __name__ == "__main__":
    peer, name, *rest, workers = sys.argv[1:]
    PEERS[peer](Job(getattr(functions, name), *rest, int(workers)))

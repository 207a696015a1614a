# %% [markdown]
# # Local earthquakes, from waveforms to a catalogue, on a MsPASS cluster
#
# Recordings that come with ObsPy are cut into segments and stored in MongoDB: one document of metadata per segment,
# and its samples in GridFS. Workers of Dask or Spark then filter the segments in parallel. Each worker reads from the
# database and writes its results back there, so no waveform travels through the scheduler. Two queries of the results
# find the earthquakes.
#
# Run it with `mspass-stack run examples/waveforms.py --days 1`, or cell by cell as the notebook next to it.

# %%
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import distributed
import gridfs
import numpy as np
import obspy
import pymongo
from bson import ObjectId

DATABASE = "mspass_example"  # this example's own: each run starts by emptying it
SEGMENT = 10.0  # length of a segment, seconds
PASSBAND = (5.0, 20.0)  # corners of the filter, Hz: where small local earthquakes stand out
DETECTION = 25.0  # signal-to-noise ratio that counts as a detection, dB
BATCH = 8  # segments per task: a task opens a connection, so let it do some work with it


def check(good: bool, problem: str) -> None:
    """Stops the run with `problem` unless `good`."""
    if not good:
        raise RuntimeError(problem)


# %% [markdown]
# ## 1. Find the cluster
#
# Where the services are is in the environment and nowhere else. Without the address of a scheduler, workers would be
# started on this machine, and nobody would say so: that is refused here.

# %%
for variable in ("MSPASS_DB_ADDRESS", "MSPASS_SCHEDULER_ADDRESS"):
    check(bool(os.environ.get(variable)), f"{variable} is not set: source the stack's client profile first")

connection: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(os.environ["MSPASS_DB_ADDRESS"])
is_sharded = connection.admin.command("hello").get("msg") == "isdbgrid"
# How often the recordings are stored, each time a day later: of a sharded database one wants to see how they spread.
DAYS = int(sys.argv[2]) if sys.argv[1:2] == ["--days"] else 10 if is_sharded else 1
waveforms = connection[DATABASE]["wf_TimeSeries"]
for name in ("wf_TimeSeries", "fs.files", "fs.chunks"):
    connection[DATABASE][name].delete_many({})  # not dropped: a sharded collection stays sharded
files = gridfs.GridFS(connection[DATABASE])

POOL = os.environ["MSPASS_SCHEDULER"]
cluster: Any
workers: dict[str, int] = {}
if POOL == "spark":
    from pyspark.sql import SparkSession

    cluster = cast(Any, SparkSession).builder.getOrCreate()
    slots: int = cluster.sparkContext.defaultParallelism
else:
    cluster = cast(Any, distributed.Client())
    cluster.wait_for_workers(1, timeout=60)
    workers = cluster.nthreads()
    slots = sum(workers.values())
print(f"MongoDB {connection.server_info()['version']}, {slots} tasks at once by {POOL}")


def on_workers(task: Callable[[list[ObjectId]], int], batches: list[list[ObjectId]]) -> list[int]:
    """Runs a task for each batch, on the workers of the pool that there is; what they returned."""
    if POOL == "spark":
        return cluster.sparkContext.parallelize(batches, len(batches)).map(task).collect()
    return cluster.gather(cluster.map(task, batches, pure=False))


def name_of_worker() -> str:
    """Who runs this task."""
    return f"{platform.node()}:{os.getpid()}" if POOL == "spark" else distributed.get_worker().address


# %% [markdown]
# ## 2. Read the recordings
#
# - ObsPy's default example: three components of station BW.RJOB, a local earthquake of 24 August 2009.
# - The data of ObsPy's tutorial on triggers: six channels of the stations BW.UH1 to BW.UH4, nearly four minutes of
#   27 May 2010 with a few small earthquakes.

# %%
recordings: list[Any] = list(obspy.read())
for recording_path in sorted(Path(obspy.__file__).parent.glob("signal/tests/data/BW.UH*.cut.slist.gz")):
    recordings += obspy.read(str(recording_path))
check(len(recordings) == 9, f"ObsPy {obspy.__version__} has {len(recordings)} of the nine example recordings")
for recording in recordings:
    print(recording)

# %% [markdown]
# ## 3. Store segments in MongoDB
#
# The names are those of MsPASS's schema for `wf_TimeSeries`. The samples are 64-bit floats, one GridFS file a segment.


# %%
def store_segments(recording: Any, day: int) -> list[ObjectId]:
    """Cuts a recording into segments of `SEGMENT` seconds and stores them; a shorter rest at the end is left out.

    Times are seconds since 1970 in UTC, `delta` is the sampling interval in seconds, the samples are counts of the
    digitizer. Returns the ids of the documents.
    """
    stats = recording.stats
    npts = round(SEGMENT * stats.sampling_rate)
    documents: list[dict[str, Any]] = []
    for first in range(0, stats.npts - npts + 1, npts):
        samples = recording.data[first : first + npts].astype(np.float64)
        start = stats.starttime.timestamp + first * stats.delta + day * 86400
        documents.append(
            {
                "net": stats.network,
                "sta": stats.station,
                "loc": stats.location,
                "chan": stats.channel,
                "starttime": start,
                "endtime": start + (npts - 1) * stats.delta,
                "time_standard": "UTC",
                "utc_convertible": True,
                "npts": npts,
                "delta": stats.delta,
                "sampling_rate": stats.sampling_rate,
                "calib": stats.calib,
                "storage_mode": "gridfs",
                "gridfs_id": files.put(samples.tobytes()),
                "data_tag": "raw",
            }
        )
    return waveforms.insert_many(documents).inserted_ids


segment_ids = [new for day in range(DAYS) for recording in recordings for new in store_segments(recording, day)]
print(f"{len(segment_ids)} segments of {SEGMENT:g} s stored")

# %% [markdown]
# ## 4. Filter them on the workers
#
# Only ids travel to the workers. Each task finds the database by its own worker's environment. A task may be run
# twice, for instance when a worker is lost: the results go under ids that follow from those of the raw segment, so the
# second run replaces what the first one wrote.


# %%
def read_samples(store: gridfs.GridFS, document: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The samples of a segment, in counts."""
    return np.frombuffer(store.get(document["gridfs_id"]).read(), dtype=np.float64)


def filter_segments(ids: list[ObjectId]) -> int:
    """Filters raw segments and stores the results, tagged `filtered`. Runs on a worker; returns how many it did.

    Mean removed, tapered by 5 % at each end, then a Butterworth bandpass of four corners, run forwards and backwards so
    that no phase is shifted. Results of each segment: `peak`, the largest absolute amplitude in counts, and `snr`, the
    peak over the median absolute amplitude in dB: the median is the noise as long as a signal fills less than half.
    """
    done = 0
    with pymongo.MongoClient[dict[str, Any]](os.environ["MSPASS_DB_ADDRESS"]) as worker_connection:
        collection = worker_connection[DATABASE]["wf_TimeSeries"]
        store = gridfs.GridFS(worker_connection[DATABASE])
        for raw in collection.find({"_id": {"$in": ids}}):
            trace: Any = obspy.Trace(read_samples(store, raw).copy(), {"delta": raw["delta"]})
            trace.detrend("demean")
            trace.taper(0.05)
            trace.filter("bandpass", freqmin=PASSBAND[0], freqmax=PASSBAND[1], corners=4, zerophase=True)
            amplitude = np.abs(trace.data)
            result = raw | {
                "_id": f"{raw['_id']}-filtered",
                "data_tag": "filtered",
                "parent_id": raw["_id"],
                "gridfs_id": raw["_id"],
                "peak": float(amplitude.max()),
                "snr": float(20 * np.log10(amplitude.max() / np.median(amplitude))),
                "worker": name_of_worker(),
            }
            store.delete(result["gridfs_id"])
            store.put(trace.data.tobytes(), _id=result["gridfs_id"])
            collection.replace_one({"_id": result["_id"]}, result, upsert=True)
            done += 1
    return done


began = time.perf_counter()
batches = [segment_ids[first : first + BATCH] for first in range(0, len(segment_ids), BATCH)]
filtered = sum(on_workers(filter_segments, batches))
print(f"{filtered} segments filtered in {len(batches)} tasks, {time.perf_counter() - began:.1f} s")

# %% [markdown]
# ## 5. Check what was stored
#
# Every raw segment must have one result of the same length, made on one of the cluster's workers, and not be the raw
# data again.

# %%
raw_segments = {document["_id"]: document for document in waveforms.find({"data_tag": "raw"})}
results = {document["parent_id"]: document for document in waveforms.find({"data_tag": "filtered"})}
check(results.keys() == raw_segments.keys() == set(segment_ids), "not every stored segment has its result")
for segment_id, after in results.items():
    raw_samples, filtered_samples = read_samples(files, raw_segments[segment_id]), read_samples(files, after)
    check(raw_samples.size == filtered_samples.size == after["npts"], f"segment {segment_id}: lengths differ")
    check(bool(np.isfinite(filtered_samples).all()), f"segment {segment_id}: the result is not finite")
    check(not np.array_equal(raw_samples, filtered_samples), f"segment {segment_id}: the result is the raw data")
document_count = waveforms.count_documents({})
file_count = connection[DATABASE]["fs.files"].count_documents({})
check(document_count == file_count == 2 * len(segment_ids), f"{document_count} documents, {file_count} GridFS files")
used_workers = set(waveforms.distinct("worker"))
if POOL == "dask":
    check(used_workers <= workers.keys() | cluster.nthreads().keys(), f"results of foreign workers: {used_workers}")
print(f"{document_count} documents and {file_count} GridFS files, by {len(used_workers)} workers")

# %% [markdown]
# ## 6. Query the results
#
# First the channels, then the earthquakes: segments of time, given by their start, in which at least three stations
# have a detection. An event at the seam of two segments shows in both.

# %%
per_channel: list[dict[str, Any]] = [
    {"$match": {"data_tag": "filtered"}},
    {
        "$group": {
            "_id": {"net": "$net", "sta": "$sta", "chan": "$chan"},
            "segments": {"$sum": 1},
            "detections": {"$sum": {"$cond": [{"$gte": ["$snr", DETECTION]}, 1, 0]}},
            "peak": {"$max": "$peak"},
            "snr": {"$max": "$snr"},
        }
    },
    {"$sort": {"_id": 1}},
]
print("channel        segments  detections  peak (counts)  best SNR (dB)")
for row in waveforms.aggregate(per_channel):
    name = ".".join(row["_id"].values())
    print(f"{name:<13}{row['segments']:>10}{row['detections']:>12}{row['peak']:>15.0f}{row['snr']:>15.1f}")

coincidences: list[dict[str, Any]] = [
    {"$match": {"data_tag": "filtered", "snr": {"$gte": DETECTION}}},
    {"$group": {"_id": {"$round": "$starttime"}, "stations": {"$addToSet": "$sta"}}},
    {"$match": {"stations.2": {"$exists": True}}},
    {"$sort": {"_id": 1}},
]
events = list(waveforms.aggregate(coincidences))
check(bool(events), "no earthquake found: the data has several")
for event in events:
    print(f"{datetime.fromtimestamp(event['_id'], UTC):%Y-%m-%d %H:%M:%S} UTC  {' '.join(sorted(event['stations']))}")

# %% [markdown]
# ## 7. Where the documents are
#
# In a sharded database each shard holds a part of a collection, by the hash of its key; one server has no shards.

# %%
parts: dict[str, Any] = connection[DATABASE].command("collStats", "wf_TimeSeries").get("shards", {})
for shard, part in sorted(parts.items()):
    print(f"shard {shard}: {part['count']} of {document_count} documents")

# %%
cluster.stop() if POOL == "spark" else cluster.close()
connection.close()

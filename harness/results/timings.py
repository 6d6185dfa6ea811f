"""Performance figures of one deployment: medians over fresh processes, and the figures of each process."""

from __future__ import annotations

from benchmarks.performance.server import ServerPoint
from benchmarks.performance.timing_warning import TimingWarning
from benchmarks.performance.tuning import Setting
from harness.store.process_timings import Conditions, LatencyBreakdown
from harness.store.record import Record

Interval = tuple[float, float]
"""95 % interval over processes, in the figure's unit."""


class LatencyFigures(Record):
    """Latencies of single requests: nearest ranks, in milliseconds."""

    p50_ms: float
    """Median."""
    p90_ms: float
    """90th percentile."""
    p95_ms: float
    """95th percentile."""
    p99_ms: float
    """99th percentile."""
    mean_ms: float
    """Mean."""
    p90_bound_ms: float | None
    """The p90 lies below it with 99 % confidence, by MLPerf's early stopping; None: too few queries."""
    p99_bound_ms: float | None
    """The p99 lies below it with 99 % confidence; None: too few queries."""
    count: int
    """Queries."""
    steady: bool
    """Whether latency stood still in every process."""
    scattered: bool
    """Whether timings of one and the same sample differ widely in a process."""
    tail_steady: bool
    """Whether the p99 is that of a steady tail of enough queries in every process."""
    disturbed: bool
    """Whether the machine did other things, or changed its clock, during a process."""


class OfflineFigures(Record):
    """Throughput where all samples are there from the start."""

    samples_per_second: float
    """Examples a second."""
    tokens_per_second: float | None
    """Tokens a second, padding not counted; None: not known."""
    inference_samples_per_second: float | None
    """The same from tokens to outputs, which is what MLPerf's offline times; None: not measured, on the CPU."""
    cpu_joules_per_sample: float | None
    """Energy of the processor packages; None: counters cannot be read."""
    gpu_joules_per_sample: float | None
    """Energy of the first GPU; None: counters cannot be read."""
    steady: bool
    """Whether passes took alike in every process."""
    disturbed: bool
    """Whether the machine did other things, or changed its clock, during a process."""


class ServerLoad(Record):
    """The highest rate of Poisson arrivals whose p99 stays under the bound."""

    rate: float | None
    """Requests a second; None: no rate passed."""
    p99_ms: float | None
    """The p99 at that rate, in milliseconds."""
    bound_ms: float
    """The bound, in milliseconds."""
    steady: bool
    """Whether lower rates passed as well, and requests came when they should have, in every process."""
    disturbed: bool
    """Whether the machine did other things, or changed its clock, during a process."""


class ServerFigures(ServerLoad):
    """The same over processes, with the curve of the first: rates differ from process to process."""

    bound_from: str
    """Where the bound comes from: "study", or a multiple of the deployment's own latency."""
    points: list[ServerPoint]
    """The first process's trials by rate."""


class ShapeFigures(Record):
    """Latency of one fixed shape; None: it could not be run."""

    batch: int
    """Rows."""
    length: int
    """Tokens of each."""
    p50_ms: float | None
    """Median latency, in milliseconds."""
    p90_ms: float | None
    """90th percentile, in milliseconds."""
    samples_per_second: float | None
    """Rows a second at the median."""
    tokens_per_second: float | None
    """Tokens a second at the median."""
    count: int
    """Inferences."""
    steady: bool
    """Whether latency stood still in every process."""
    scattered: bool
    """Whether timings differ widely in a process."""
    reason: str
    """Why it could not be run; empty where it could."""


class TunedThroughput(Record):
    """Offline in the fastest setting of the search, against the study's own, in turns over the search's sample."""

    setting: Setting
    """The one to use: the search's, or the study's where that was no slower."""
    ratio: float
    """How many times as fast as the study's it is, 1 or more."""
    measured_again: float | None
    """How many times as fast the search's was when measured again; None: it is the study's, or could not be opened."""
    samples_per_second: float | None
    """Examples a second in `setting`; None: the rates of offline hold."""
    default_samples_per_second: float | None
    """Examples a second in the study's setting; None: the rates of offline hold."""
    reason: str
    """Why there are no rates, where an opening failed."""


class PairedSpeedUp(Record):
    """Times as fast as the reference, where the two took turns within the same second: see docs/performance.md."""

    against: str
    """The reference deployment."""
    ratio: float
    """Times as fast, by medians over the pairs of bursts of single requests, and over processes."""
    interval: Interval | None
    """95 %, over pairs and processes; None: a single pair of processes."""
    pairs: int
    """Pairs of bursts, of all processes together."""
    processes: int
    """Fresh processes of each of the two."""


class SearchSpeedUp(Record):
    """Searches of single queries in an index of quantized embeddings, in turns with the float32 index of the same.

    Timed of the model's first deployment, behind the embedding of the query: other formats of the model have embeddings
    of the same width.
    """

    ratio: float
    """Times as fast as in float32, by medians over queries, and over processes."""
    interval: Interval | None
    """95 %, over pairs and processes; None: a single process."""
    float32_ms: float
    """Milliseconds of a search in the float32 index, the median."""
    pairs: int
    """Pairs of bursts, of all processes together."""
    processes: int
    """Fresh processes."""


class Efficiency(Record):
    """What is achieved of the machine, against ceilings measured in the same process. None: not known."""

    operations_per_sample: float
    """Floating-point operations of the checkpoint's matrix products, two a multiplication and addition, padding not
    counted: a mean over the samples."""
    weight_bytes: float | None
    """The weights without tables of embeddings, in the artifact's precision."""
    arithmetic: str | None
    """Of the product that is the ceiling: fp32, fp16 or int8."""
    operations_per_second: float | None
    """Offline, from tokens to outputs where that was timed apart."""
    operations_ceiling: float | None
    """A second, of one large product."""
    operations_share: float | None
    """Of the ceiling of the same process: model FLOP/s utilisation (MFU)."""
    bytes_per_second: float | None
    """Of weights: all of them once in a median request of single-stream."""
    bytes_ceiling: float | None
    """A second, read and written by one large addition."""
    bytes_share: float | None
    """Of the ceiling of the same process."""


class OncePerProcess(Record):
    """What is measured once in a process."""

    load_ms: float | None
    """From nothing to an open deployment: the runtime's import and the artifact, in milliseconds."""
    artifact_load_ms: float | None
    """The artifact's part of it, in milliseconds."""
    first_inference_ms: float | None
    """The first request after that, in milliseconds."""
    peak_memory_bytes: float | None
    """Peak resident memory above that of the bare process, in bytes."""
    device_memory_bytes: float | None
    """Device memory above that before loading, in bytes."""
    memory_method: str | None
    """How the peak was found: "VmHWM" misses none, "sampled" may."""


class ProcessFigures(OncePerProcess):
    """One fresh process. None: it did not measure it."""

    single_stream: LatencyFigures | None
    """One request after the other."""
    multi_stream: LatencyFigures | None
    """Eight requests at once."""
    offline: OfflineFigures | None
    """All at once."""
    server: ServerLoad | None
    """Poisson arrivals."""
    conditions: dict[str, Conditions]
    """By scenario."""


class Intervals(Record):
    """95 % intervals of medians over processes, in the figures' units. None: too few processes, or not measured."""

    single_stream_p50_ms: Interval | None
    """Of `single_stream.p50_ms`."""
    single_stream_p90_ms: Interval | None
    """Of `single_stream.p90_ms`."""
    single_stream_p95_ms: Interval | None
    """Of `single_stream.p95_ms`."""
    single_stream_p99_ms: Interval | None
    """Of `single_stream.p99_ms`."""
    offline_samples_per_second: Interval | None
    """Of `offline.samples_per_second`."""
    server_rate: Interval | None
    """Of `server.rate`."""
    load_ms: Interval | None
    """Of `load_ms`."""
    artifact_load_ms: Interval | None
    """Of `artifact_load_ms`."""
    first_inference_ms: Interval | None
    """Of `first_inference_ms`."""
    peak_memory_bytes: Interval | None
    """Of `peak_memory_bytes`."""
    device_memory_bytes: Interval | None
    """Of `device_memory_bytes`."""


class DeploymentPerformance(OncePerProcess):
    """One deployment: medians over fresh processes. None: no process measured it."""

    processes: int
    """Fresh processes."""
    single_stream: LatencyFigures | None
    """One request after the other."""
    multi_stream: LatencyFigures | None
    """Eight requests at once."""
    offline: OfflineFigures | None
    """All at once."""
    server: ServerFigures | None
    """Poisson arrivals."""
    sweep: list[ShapeFigures]
    """Fixed shapes."""
    latency_breakdown: LatencyBreakdown | None
    """Where the time goes."""
    efficiency: Efficiency | None
    """Against the machine's ceilings; None: nobody has counted the model's operations."""
    tuned: TunedThroughput | None
    """The fastest setting; None: nothing was tuned."""
    paired: PairedSpeedUp | None
    """The speed-up over the reference; None: it is the reference, or was not timed beside it."""
    searches: dict[str, SearchSpeedUp]
    """By kind of index; none: no searches were timed."""
    intervals: Intervals
    """Of the medians."""
    warnings: list[TimingWarning]
    """Of its processes, each once."""
    replicates: list[ProcessFigures]
    """Each process, so that every median can be computed again."""

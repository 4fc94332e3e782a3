"""Benchmark results made up for tests."""

from dataclasses import replace

from benchmarks.results import Result
from benchmarks.suites.latency.cases import LatencyCase
from paddleseg_mobileseg.deploy.runtime.records import Configuration, Environment, Record

SETTINGS = {"warmup": 1, "repeats": 1, "core": 1, "clock": "wall", "images": ["scene_0.png"]}
ENVIRONMENT = Environment(
    device="host",
    cpu="a processor",
    cores=2,
    core=1,
    system="Linux x86_64",
    versions={"paddle-lite": "v2.13-rc"},
    date="2024-01-02T00:00:00+00:00",
)


def record_of(case, network_ms, labels_ms=()):
    """A record with one sample a round."""
    configuration = Configuration(
        model=f"{case.network}.nb",
        sha256="0" * 64,
        bytes=6_280_000,
        engine="paddle-lite",
        target="x86",
        precision=case.precision,
        weights=case.weights,
        threads=1,
        input_shape=[1, 3, case.height, case.width],
        output_kind="logits" if case.label_map == "exact" else "labels",
        label_map=case.label_map,
        num_classes=case.num_classes,
        inputs="1 images",
        warmup=1,
        repeats=len(network_ms),
        rounds=len(network_ms),
    )
    return Record(
        configuration=configuration,
        environment=ENVIRONMENT,
        init_ms=30.0,
        first_ms=20.0,
        warmup_ms=[15.0],
        network_ms=[[ms] for ms in network_ms],
        label_map_ms=[[ms] for ms in labels_ms],
        classes_present=[12],
        peak_memory_bytes=215_000_000,
    )


def measured(network, label_map, network_ms, labels_ms=(), suite="ade20k", agreement=1.0, cpu="a processor", **case):
    """A result of networks side by side with one sample a round."""
    case = LatencyCase(network, **{"height": 512, "width": 512, "num_classes": 150, "label_map": label_map, **case})
    record = record_of(case, network_ms, labels_ms)
    result = Result.of_record(suite, case, range(len(network_ms)), record, SETTINGS, agreement)
    return replace(result, environment=replace(ENVIRONMENT, cpu=cpu))


def scored(suite, case, scores, samples=None, **facts):
    """A result of a suite that trains: `scores` by name, one a round."""
    rounds = len(next(iter(scores.values())))
    return Result(
        suite=suite,
        case=case,
        rounds=list(range(rounds)),
        environment=ENVIRONMENT,
        settings=facts.pop("settings", {}),
        samples=samples or {},
        scores=scores,
        **facts,
    )

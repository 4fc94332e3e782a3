"""Latency on this host, several models taking turns, each in its engine."""

from contextlib import ExitStack
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Union

import numpy as np
from tqdm import tqdm

from ...errors import InputError
from .engines import load_model
from .inputs import Source, input_sources, load_input, source_name
from .predictor import Predictor, Timing
from .records import Configuration, Record, check_turns, host_environment
from .versions import versions


def bench(
    models: Sequence[Union[str, Path]],
    images: Optional[Sequence[Union[str, Path]]] = None,
    seed: int = 0,
    warmup: int = 20,
    repeats: int = 50,
    rounds: int = 5,
    core: Optional[int] = None,
    threads: int = 1,
) -> List[Record]:
    """Time converted models, each in a process of its own that stays alive.

    The models take turns (A B C A B C), so that what slows the machine down for a while slows all of
    them.

    Args:
        models: converted models that run on this host; each runs in the engine that it is for.
        images: image files and folders to feed in turn; noise without them.
        seed: of the noise.
        warmup: runs before the first turn, recorded apart.
        repeats: recorded runs of each model; rounded up to a multiple of `rounds`.
        rounds: turns of each model.
        core: the core to bind to; None leaves that to the system.
        threads: that each network runs with.

    Raises:
        InputError: a model or an image cannot be used, or a number is out of range.
        ToolError: an engine failed.
    """
    check_turns(repeats, rounds, warmup)
    if threads < 1:
        raise InputError(f"--threads takes a number of 1 or more, not {threads}")
    per_turn = -(-repeats // rounds)
    # No more images than runs: the record must not count what was never timed.
    sources = input_sources(images, random=1, seed=seed)[: rounds * per_turn]
    with ExitStack() as open_predictors:
        predictors = [open_predictors.enter_context(load_model(model, core=core, threads=threads)) for model in models]
        runs = [
            LiteRun(predictor, [load_input(source, predictor.metadata.input) for source in sources], _fed(sources))
            for predictor in predictors
        ]
        steps = len(runs) * (1 + rounds)
        with tqdm(total=steps, desc="bench", unit="turn", disable=None, leave=False) as progress:
            for run in runs:
                run.warm_up(warmup)
                progress.update()
            for _ in range(rounds):
                for run in runs:
                    run.take_turn(per_turn)
                    progress.update()
        return [run.record() for run in runs]


def _fed(sources: List[Source]) -> str:
    images = f"{len(sources)} image{'s' * (len(sources) > 1)}"
    return source_name(sources[0]) if isinstance(sources[0], int) else images


class LiteRun:
    """One model's share of a benchmark.

    Args:
        predictor: the model, loaded.
        batches: what it is fed with in turn, float32 of its input shape.
        fed: what they are, in words.

    Attributes:
        labels: the label map [N, H, W] of each batch.
    """

    def __init__(self, predictor: Predictor, batches: Sequence[np.ndarray], fed: str):
        self.predictor = predictor
        self.fed = fed
        predictor.set_timed_inputs(batches)
        output, self.first_ms = predictor.timed_run(batches[0])
        outputs = [output] + [predictor.run(batch) for batch in batches[1:]]
        described = predictor.metadata.output
        self.labels = [described.labels(output) for output in outputs]
        self.classes_present = [len(np.unique(labels)) for labels in self.labels]
        self.warmup_ms: List[float] = []
        self.turns: List[Timing] = []

    def warm_up(self, count: int) -> None:
        """Run without counting."""
        timing = self.predictor.time(count)
        self.warmup_ms = [a + (b or 0.0) for a, b in zip(timing.network_ms, timing.label_map_ms)]

    def take_turn(self, count: int) -> None:
        """Run `count` times, after one run that does not count: the caches hold the other models."""
        self.turns.append(self.predictor.time(count, uncounted=1))

    def record(self) -> Record:
        """What was measured so far."""
        metadata = self.predictor.metadata
        engine_versions: Dict[str, str] = {
            self.predictor.engine: self.predictor.version,
            **({"opt": metadata.opt_version} if metadata.opt_version else {}),
            **versions(),
        }
        return Record(
            configuration=Configuration(
                model=self.predictor.model.name,
                sha256=metadata.sha256,
                bytes=metadata.bytes,
                engine=self.predictor.engine,
                target=metadata.target,
                precision=metadata.precision,
                weights=metadata.weights,
                threads=self.predictor.threads,
                input_shape=metadata.input.shape,
                output_kind=metadata.output.kind,
                label_map=metadata.output.label_map,
                num_classes=metadata.num_classes,
                inputs=self.fed,
                warmup=len(self.warmup_ms),
                repeats=sum(len(turn.network_ms) for turn in self.turns),
                rounds=len(self.turns),
            ),
            environment=host_environment(engine_versions, self.predictor.core),
            init_ms=self.predictor.init_ms,
            first_ms=self.first_ms,
            warmup_ms=self.warmup_ms,
            network_ms=[turn.network_ms for turn in self.turns],
            label_map_ms=[turn.label_map_ms for turn in self.turns] if self.predictor.makes_labels else [],
            classes_present=self.classes_present,
            peak_memory_bytes=max(turn.peak_bytes for turn in self.turns),
        )

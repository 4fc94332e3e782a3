"""Latency on this host through Paddle-Lite, one thread, several models taking turns."""

from contextlib import ExitStack
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Union

import numpy as np
from tqdm import tqdm

from ..errors import InputError
from .agreement import label_map_of
from .convert import versions
from .inputs import Source, input_sources, load_input, source_name
from .lite import LitePredictor
from .record import Configuration, Record, host_environment

ENGINE = "paddle-lite"


def bench(
    models: Sequence[Union[str, Path]],
    images: Optional[Sequence[Union[str, Path]]] = None,
    seed: int = 0,
    warmup: int = 20,
    repeats: int = 50,
    rounds: int = 5,
) -> List[Record]:
    """Time converted models, each in a process of its own that stays alive.

    The models take turns (A B C A B C), so that what slows the machine down for a while slows all of
    them. A turn begins with one run that does not count: the caches hold the other models.

    Args:
        models: `.nb` files for x86.
        images: picture files and folders to feed in turn; noise without them.
        seed: of the noise.
        warmup: runs before the first turn, recorded apart.
        repeats: recorded runs of each model; rounded up to a multiple of `rounds`.
        rounds: turns of each model.

    Raises:
        InputError: a model or a picture cannot be used, or a number is out of range.
        ToolError: Paddle-Lite failed.
    """
    for name, value, least in (("--repeats", repeats, 1), ("--rounds", rounds, 1), ("--warmup", warmup, 0)):
        if value < least:
            raise InputError(f"{name} takes a number of {least} or more, not {value}")
    per_turn = -(-repeats // rounds)
    # No more pictures than runs: the record must not count what was never timed.
    sources = input_sources(images, random=1, seed=seed)[: rounds * per_turn]
    with ExitStack() as open_predictors:
        runs = [_Run(open_predictors.enter_context(LitePredictor(model)), sources) for model in models]
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


class _Run:
    """One model's share of a benchmark."""

    def __init__(self, predictor: LitePredictor, sources: List[Source]):
        self.predictor = predictor
        pictures = f"{len(sources)} picture{'s' * (len(sources) > 1)}"
        self.fed = source_name(sources[0]) if isinstance(sources[0], int) else pictures
        batches = [load_input(source, predictor.metadata.input) for source in sources]
        predictor.set_timed_inputs(batches)
        output, self.first_ms = predictor.timed_run(batches[0])
        outputs = [output] + [predictor.run(batch) for batch in batches[1:]]
        self.classes_present = [len(np.unique(label_map_of(output))) for output in outputs]
        self.warmup_ms: List[float] = []
        self.rounds_ms: List[List[float]] = []

    def warm_up(self, count: int) -> None:
        self.warmup_ms = self.predictor.time(count)

    def take_turn(self, count: int) -> None:
        self.rounds_ms.append(self.predictor.time(count, settling=1))

    def record(self) -> Record:
        metadata = self.predictor.metadata
        engine_versions: Dict[str, str] = {
            ENGINE: self.predictor.version,
            "opt": metadata.opt_version,
            **versions(),
        }
        return Record(
            configuration=Configuration(
                model=self.predictor.nb.name,
                sha256=metadata.sha256,
                bytes=metadata.bytes,
                engine=ENGINE,
                target=metadata.target,
                precision=metadata.precision,
                weights=metadata.weights,
                threads=1,
                input_shape=metadata.input.shape,
                output_kind=metadata.output.kind,
                label_map=metadata.output.label_map,
                num_classes=metadata.num_classes,
                inputs=self.fed,
                warmup=len(self.warmup_ms),
                repeats=sum(map(len, self.rounds_ms)),
                rounds=len(self.rounds_ms),
            ),
            environment=host_environment(engine_versions),
            init_ms=self.predictor.init_ms,
            first_ms=self.first_ms,
            warmup_ms=self.warmup_ms,
            rounds_ms=self.rounds_ms,
            classes_present=self.classes_present,
        )

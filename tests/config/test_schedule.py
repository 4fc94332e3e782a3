"""Schedules that do not fit the length of a training are scaled, named or refused."""

import pytest
import yaml

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.config.reader import build, load_config
from paddleseg_mobileseg.config.schedule import fit_schedule
from support.small_data import changed, config, write_config

POLYNOMIAL = {"type": "PolynomialDecay", "learning_rate": 0.1, "end_lr": 0.0, "power": 1.0}
WARM = {**POLYNOMIAL, "warmup_iters": 1500, "warmup_start_lr": 1.0e-6}


@pytest.fixture
def fit(tmp_path):
    """Hold a schedule against iterations: what is said, and the schedule that is built."""

    def run(schedule, own=20000, iters=None, opts=None):
        path = write_config(tmp_path / "config.yml", changed(config(tmp_path), iters=own, lr_scheduler=schedule))
        read = load_config(path, iters=iters, opts=opts)
        return fit_schedule(read, path, iters, opts), read

    return run


def rates(read):
    """The learning rate of each iteration."""
    schedule = build(read, "lr_scheduler")
    found = []
    for _ in range(read.iters):
        found.append(schedule())
        schedule.step()
    return found


def test_warmup_is_scaled_in_the_configs_own_proportion(fit):
    """Before, 300 iterations under a warm-up of 1500 ended at a fifth of the learning rate."""
    lines, read = fit(WARM, iters=300)
    assert lines == [
        "warning: lr_scheduler.warmup_iters scaled from 1500 of 20000 iterations to 22 of 300; "
        "`--opts lr_scheduler.warmup_iters=N` sets another"
    ]
    found = rates(read)
    assert max(found) == found[22] == 0.1 and found[-1] < 0.001
    assert fit(WARM, opts=["iters=300"])[0] == lines


@pytest.mark.parametrize(
    "schedule, own, iters, opts",
    [
        (WARM, 20000, None, None),
        (WARM, 20000, 3000, None),
        (WARM, 2000, None, None),
        (POLYNOMIAL, 20000, 300, None),
        (WARM, 20000, 300, ["lr_scheduler.warmup_iters=200"]),
    ],
)
def test_a_schedule_that_fits_is_left_alone(fit, schedule, own, iters, opts):
    lines, read = fit(schedule, own, iters, opts)
    assert lines == [] and read.dic["lr_scheduler"] == {
        **schedule, **yaml.safe_load("".join(opts or ["{}"]).replace("lr_scheduler.", "").replace("=", ": "))
    }


@pytest.mark.parametrize(
    "schedule, own, iters, opts, line",
    [
        (WARM, 300, None, None, "write `warmup_iters: 15` there"),
        (WARM, 1500, 400, None, "write `warmup_iters: 20` there"),
        (WARM, 20000, 300, ["lr_scheduler.warmup_iters=300"], "`--opts lr_scheduler.warmup_iters=15`"),
        ({"type": "NoamDecay", "d_model": 8, "warmup_steps": 900}, 800, None, None, "write `warmup_steps: 40` there"),
        ({"type": "OneCycleLR", "max_learning_rate": 1.0, "total_steps": 90}, 100, None, None, "`total_steps: 100`"),
    ],
)
def test_a_training_that_never_leaves_its_warmup_is_refused_with_the_line_to_change(
    fit, schedule, own, iters, opts, line
):
    with pytest.raises(InputError, match=line) as caught:
        fit(schedule, own, iters, opts)
    assert "config.yml: lr_scheduler." in str(caught.value)


@pytest.mark.parametrize(
    "schedule, said",
    [
        ({**POLYNOMIAL, "decay_steps": 80}, "PolynomialDecay takes 80 iterations and training has 100: the learning "
         "rate stays where it is after that; `--opts lr_scheduler.decay_steps=100` fits"),
        ({**WARM, "warmup_iters": 10, "decay_steps": 200}, "PolynomialDecay takes 200 iterations and training has 90 "
         "after warm-up: the learning rate is still on its way when training ends"),
        ({"type": "CosineAnnealingDecay", "learning_rate": 0.1, "T_max": 50}, "rises again after that"),
        ({"type": "MultiStepDecay", "learning_rate": 0.1, "milestones": [50, 150]}, "milestones: training ends after "
         "100 iterations, before [150]"),
        ({"type": "StepDecay", "learning_rate": 0.1, "step_size": 100}, "step_size: training ends before the first"),
        ({**POLYNOMIAL, "decay_steps": 98}, None),
        ({"type": "CosineAnnealingDecay", "learning_rate": 0.1, "T_max": 100}, None),
    ],
)
def test_a_decay_that_ends_elsewhere_is_named(fit, schedule, said):
    lines, _ = fit(schedule, own=100)
    assert len(lines) == (said is not None)
    assert all(said in line for line in lines)

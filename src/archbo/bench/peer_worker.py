"""Another library's optimizer at work in a process, and an environment, of its own.

This file stands alone: it runs where archbo is not installed, on Python 3.10 or newer. It reads one
JSON object a line and answers each with one:

    {"peer", "seed", "trials", "decisions", "told"}   {"version", "values"}   the first line
    {"value": number or null}                         {"values"}   a result and the next proposal

or with {"error", "missing"}: what went wrong, and whether it is that something is not installed.
Values are one number a decision: the position of an option, or the number itself; of results,
larger is better, and null is not told; `told` are pairs of values and results that are known
before. Libraries without conditions choose inactive ones in vain.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import traceback
from collections.abc import Callable, Generator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

_RANDOM = 10  # proposals before a model, where the library leaves this to its user


class Decision(NamedTuple):
    """One number to choose: categorical, integer or real; active where its parent's is in range."""

    name: str
    kind: str
    low: float
    high: float
    log: bool
    parent: int | None
    first: float
    last: float

    @property
    def options(self) -> list[int]:
        """The values of a categorical or an integer."""
        return list(range(int(self.low), int(self.high) + 1))

    def met(self, option: float) -> bool:
        """Whether it is active, given that its parent is and has this value."""
        return self.first <= option <= self.last

    @property
    def scale(self) -> tuple[float, float]:
        """The bounds where distances count; integers have intervals of equal width."""
        half = 0.0 if self.kind == "real" else 0.5
        low, high = self.low - half, self.high + half
        return (math.log(low), math.log(high)) if self.log else (low, high)

    def position(self, value: float) -> float:
        """A value on [0, 1]."""
        low, high = self.scale
        return ((math.log(value) if self.log else value) - low) / (high - low)

    def value(self, position: float) -> float:
        """The value at a position in [0, 1]."""
        low, high = self.scale
        found = low + position * (high - low)
        found = math.exp(found) if self.log else found
        found = found if self.kind == "real" else round(found)
        return min(max(found, self.low), self.high)


class Task(NamedTuple):
    """What a library is asked for: to choose the decisions, in so many trials."""

    decisions: list[Decision]
    seed: int
    trials: int
    kind: str
    told: list[tuple[list[float], float]]

    def typed(
        self,
        categorical: Callable[[Decision], Any],
        integer: Callable[[Decision], Any],
        real: Callable[[Decision], Any],
    ) -> dict[str, Any]:
        """Each decision in the library's own form, by name."""
        make = {"categorical": categorical, "integer": integer, "real": real}
        return {d.name: make[d.kind](d) for d in self.decisions}


Proposals = Generator[Sequence[float], "float | None", None]
"""Gives one proposal after another, and is sent the result of each."""


def with_nothing(task: Task) -> Proposals:
    """Every decision uniformly at random: the standard library as a peer."""
    rng = random.Random(task.seed)
    while True:
        yield [d.value(rng.random()) for d in task.decisions]


def with_optuna(task: Task) -> Proposals:
    """Optuna's samplers with their defaults; conditions as its trials have them."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    make = {"tpe": optuna.samplers.TPESampler, "gp": optuna.samplers.GPSampler}[task.kind]
    study = optuna.create_study(direction="maximize", sampler=make(seed=task.seed))
    own = task.typed(
        lambda d: optuna.distributions.CategoricalDistribution(d.options),
        lambda d: optuna.distributions.IntDistribution(d.low, d.high, log=d.log),
        lambda d: optuna.distributions.FloatDistribution(d.low, d.high, log=d.log),
    )
    for known, value in task.told:
        taken: list[bool] = []
        for d in task.decisions:
            taken.append(d.parent is None or (taken[d.parent] and d.met(known[d.parent])))
        names = [d.name for d, there in zip(task.decisions, taken, strict=True) if there]
        numbers = {d.name: x for d, x in zip(task.decisions, known, strict=True)}
        study.add_trial(
            optuna.trial.create_trial(
                params={
                    name: numbers[name]
                    if isinstance(own[name], optuna.distributions.FloatDistribution)
                    else int(numbers[name])
                    for name in names
                },
                distributions={name: own[name] for name in names},
                value=value,
            )
        )
    while True:
        trial = study.ask()
        values: list[float] = []
        active: list[bool] = []
        for k, d in enumerate(task.decisions):
            active.append(d.parent is None or (active[d.parent] and d.met(values[d.parent])))
            if not active[k]:
                values.append(d.low)
            elif d.kind == "categorical":
                values.append(trial.suggest_categorical(d.name, d.options))
            else:
                suggest = trial.suggest_int if d.kind == "integer" else trial.suggest_float
                values.append(suggest(d.name, d.low, d.high, log=d.log))
        result = yield values
        if result is not None:
            study.tell(trial, result)


def with_smac(task: Task) -> Proposals:
    """SMAC3's facade for hyperparameters, its forest fitted anew for each proposal."""
    from ConfigSpace import Categorical, ConfigurationSpace, Float, InCondition, Integer
    from smac import HyperparameterOptimizationFacade as Facade
    from smac import Scenario
    from smac.runhistory import TrialValue

    own = task.typed(
        lambda d: Categorical(d.name, d.options),
        lambda d: Integer(d.name, (d.low, d.high), log=d.log),
        lambda d: Float(d.name, (d.low, d.high), log=d.log),
    )
    space = ConfigurationSpace(space=own, seed=task.seed)
    for d in task.decisions:
        if d.parent is not None:
            parent = task.decisions[d.parent]
            options = [option for option in parent.options if d.met(option)]
            space.add(InCondition(own[d.name], own[parent.name], options))
    scenario = Scenario(space, deterministic=True, n_trials=task.trials, seed=task.seed)
    selector = Facade.get_config_selector(scenario, retrain_after=1)
    facade = Facade(scenario, config_selector=selector, logging_level=False)
    while True:
        info = facade.ask()
        chosen = dict(info.config)
        result = yield [chosen.get(d.name, d.low) for d in task.decisions]
        if result is not None:
            facade.tell(info, TrialValue(cost=-result), save=False)


def with_bayesopt(task: Task) -> Proposals:
    """bayesian-optimization with its defaults: 5 random points, then the upper confidence bound."""
    from bayes_opt import BayesianOptimization

    bounds = task.typed(
        lambda d: [str(option) for option in d.options],
        lambda d: (0.0, 1.0) if d.log else (d.low, d.high, int),
        lambda _: (0.0, 1.0),
    )
    optimizer = BayesianOptimization(
        None, bounds, random_state=task.seed, verbose=0, allow_duplicate_points=True
    )
    initial = optimizer.random_sample(5)
    while True:
        point = initial.pop(0) if initial else optimizer.suggest()
        result = yield [
            d.value(point[d.name]) if d.log or d.kind == "real" else float(point[d.name])
            for d in task.decisions
        ]
        if result is not None:
            optimizer.register(params=point, target=result)


def with_skopt(task: Task) -> Proposals:
    """scikit-optimize's Gaussian process with its defaults."""
    from skopt import Optimizer
    from skopt.space import Categorical, Integer, Real

    dimensions = task.typed(
        lambda d: Categorical(d.options),
        lambda d: Integer(d.low, d.high, prior=("uniform", "log-uniform")[d.log]),
        lambda d: Real(d.low, d.high, prior=("uniform", "log-uniform")[d.log]),
    )
    optimizer = Optimizer([*dimensions.values()], random_state=task.seed)
    while True:
        point = optimizer.ask()
        result = yield point
        if result is not None:
            optimizer.tell(point, -result)


def with_hyperopt(task: Task) -> Proposals:
    """The TPE of hyperopt with its defaults; what is conditional stands below a choice."""
    from hyperopt import JOB_STATE_DONE, STATUS_OK, Trials, hp, tpe
    from hyperopt.base import Domain

    decisions = task.decisions
    below = [[j for j, d in enumerate(decisions) if d.parent == k] for k in range(len(decisions))]
    choices = [bool(below[k]) or d.kind == "categorical" for k, d in enumerate(decisions)]
    made: dict[int, Any] = {}  # a decision that several options bring is one expression
    for k, d in reversed([*enumerate(decisions)]):
        if choices[k]:
            branches = [[made[j] for j in below[k] if decisions[j].met(o)] for o in d.options]
            made[k] = hp.choice(d.name, branches)
        elif d.kind == "integer":
            made[k] = (hp.qloguniform if d.log else hp.quniform)(d.name, *d.scale, 1)
        else:
            made[k] = (hp.loguniform if d.log else hp.uniform)(d.name, *d.scale)
    tops = [made[k] for k, d in enumerate(decisions) if d.parent is None]
    domain, trials, rng = Domain(lambda _: 0.0, tops), Trials(), random.Random(task.seed)
    while True:
        ids = trials.new_trial_ids(1)
        trials.refresh()
        trials.insert_trial_docs(tpe.suggest(ids, domain, trials, rng.randrange(2**31)))
        document = trials._dynamic_trials[-1]
        chosen = document["misc"]["vals"]  # for each name a list, empty where it is inactive
        result = yield [
            next(iter(chosen[d.name]), 0.0) + (d.low if choices[k] else 0.0)
            for k, d in enumerate(decisions)
        ]
        if result is not None:
            document["state"] = JOB_STATE_DONE
            document["result"] = {"status": STATUS_OK, "loss": -result}
        trials.refresh()


def with_nevergrad(task: Task) -> Proposals:
    """Nevergrad's NGOpt, which chooses an algorithm by the space and the number of trials."""
    import nevergrad as ng
    import numpy as np

    def number(d: Decision) -> Any:
        found = (ng.p.Log if d.log else ng.p.Scalar)(lower=d.low, upper=d.high)
        return found.set_integer_casting() if d.kind == "integer" else found

    own = task.typed(lambda d: ng.p.Choice(d.options), number, number)
    space = ng.p.Dict(**own)
    space.random_state = np.random.RandomState(task.seed)
    optimizer = ng.optimizers.NGOpt(space, budget=task.trials, num_workers=1)
    while True:
        candidate = optimizer.ask()
        result = yield [candidate.value[name] for name in own]
        if result is not None:
            optimizer.tell(candidate, -result)


def with_hebo(task: Task) -> Proposals:
    """HEBO with its defaults."""
    import numpy as np
    import torch
    from hebo.design_space.design_space import DesignSpace
    from hebo.optimizers.hebo import HEBO

    random.seed(task.seed)
    np.random.seed(task.seed)  # noqa: NPY002 - the library draws from this generator
    torch.manual_seed(task.seed)

    def number(d: Decision) -> dict[str, Any]:
        kind = {"integer": ("int", "pow_int"), "real": ("num", "pow")}[d.kind][d.log]
        return {"name": d.name, "type": kind, "lb": d.low, "ub": d.high, "base": 10}

    own = task.typed(
        lambda d: {"name": d.name, "type": "cat", "categories": d.options}, number, number
    )
    optimizer = HEBO(DesignSpace().parse([*own.values()]), scramble_seed=task.seed)
    while True:
        frame = optimizer.suggest(n_suggestions=1)
        result = yield frame[[*own]].iloc[0].tolist()
        if result is not None:
            optimizer.observe(frame, np.array([[-result]]))


def with_botorch(task: Task) -> Proposals:
    """BoTorch's single-task Gaussian process and log expected improvement, 10 random points first.

    "mixed" has a kernel of options and moves them one by one; "onehot" relaxes them to one number
    an option, of which only the largest counts, for the model, too.
    """
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import MixedSingleTaskGP, SingleTaskGP
    from botorch.models.transforms import Round
    from botorch.optim import optimize_acqf
    from botorch.optim.optimize_mixed import optimize_acqf_mixed_alternating
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.manual_seed(task.seed)
    rng = random.Random(task.seed)
    mixed = task.kind == "mixed"
    options = {k: d.options for k, d in enumerate(task.decisions) if d.kind == "categorical"}
    whole = [(k, d) for k, d in enumerate(task.decisions) if d.kind == "integer"]
    grids: dict[int, Any] = {k: [d.position(o) for o in d.options] for k, d in whole}
    hot = {} if mixed else options
    starts = [k + sum(len(hot[j]) - 1 for j in hot if j < k) for k in range(len(task.decisions))]

    def columns(values: Sequence[float]) -> list[float]:
        """Numbers on [0, 1]; options as they are, or one-hot."""
        found: list[float] = []
        for k, d in enumerate(task.decisions):
            if k in hot:
                found += [float(option == values[k]) for option in hot[k]]
            else:
                found.append(values[k] if k in options else d.position(values[k]))
        return found

    def chosen(row: list[float]) -> list[float]:
        """What `columns` was made of."""
        found: list[float] = []
        for k, (d, start) in enumerate(zip(task.decisions, starts, strict=True)):
            if k in hot:
                own = row[start : start + len(hot[k])]
                found.append(own.index(max(own)))
            else:
                found.append(round(row[start]) if k in options else d.value(row[start]))
        return found

    def best() -> list[float]:
        """Where the expected improvement is largest."""
        x = torch.tensor([columns(point) for point in points], dtype=torch.double)
        y = torch.tensor(results, dtype=torch.double).unsqueeze(-1)
        if mixed and options:
            model = MixedSingleTaskGP(x, y, cat_dims=[*options])
        else:
            rounded = Round(categorical_features={starts[k]: len(hot[k]) for k in hot})
            model = SingleTaskGP(x, y, input_transform=rounded)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        score = LogExpectedImprovement(model, best_f=y.max())
        bounds = torch.tensor([[0.0], [1.0]], dtype=torch.double).repeat(1, x.shape[1])
        search: dict[str, Any] = {"q": 1, "num_restarts": 10, "raw_samples": 256}
        if not mixed:
            found, _ = optimize_acqf(score, bounds, **search)
            return chosen(found[0].tolist())
        for k, own in (options | grids).items():
            bounds[:, k] = torch.tensor([own[0], own[-1]], dtype=torch.double)
        search |= {"discrete_dims": grids, "cat_dims": options}
        found, _ = optimize_acqf_mixed_alternating(score, bounds, **search)
        return chosen(found[0].tolist())

    points: list[list[float]] = []
    results: list[float] = []
    while True:
        early = len(points) < _RANDOM
        values = [d.value(rng.random()) for d in task.decisions] if early else best()
        result = yield values
        if result is not None:
            points.append(values)
            results.append(result)


LIBRARIES: dict[str, tuple[Callable[[Task], Proposals], str]] = {
    "stdlib": (with_nothing, ""),
    "optuna": (with_optuna, "optuna"),
    "smac": (with_smac, "smac"),
    "bayesopt": (with_bayesopt, "bayesian-optimization"),
    "skopt": (with_skopt, "scikit-optimize"),
    "hyperopt": (with_hyperopt, "hyperopt"),
    "nevergrad": (with_nevergrad, "nevergrad"),
    "hebo": (with_hebo, "HEBO"),
    "botorch": (with_botorch, "botorch"),
}
"""By name: its proposals, and the package whose version is told."""


LEARN_AT_ONCE = ("optuna",)
"""Those that can be told results that they did not ask for, many at a time."""


def main() -> None:
    """Answer line by line until the input ends, or something fails."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    proposals: Any = None
    for line in sys.stdin:
        message = json.loads(line)
        answer: dict[str, Any] = {}
        try:
            if "peer" in message:
                library, _, kind = message["peer"].partition(":")
                make, package = LIBRARIES[library]
                decisions = [Decision(f"d{k}", **d) for k, d in enumerate(message["decisions"])]
                told = message.get("told", [])
                if told and library not in LEARN_AT_ONCE:
                    raise ValueError(f"{library} is not told results at once")
                task = Task(decisions, message["seed"], message["trials"], kind, told)
                proposals = make(task)
                values = next(proposals)
                answer["version"] = version(package) if package else sys.version.split()[0]
            else:
                values = proposals.send(message["value"])
            answer["values"] = [float(value) for value in values]
        except Exception as error:
            traceback.print_exc()
            text = f"{type(error).__name__}: {error}"
            answer = {"error": text, "missing": isinstance(error, ImportError)}
        print(json.dumps(answer), file=channel, flush=True)
        if "error" in answer:
            return


if __name__ == "__main__":
    sys.path.remove(str(Path(__file__).parent))  # its neighbours are none of the libraries' modules
    main()

"""A search with real training: the best cell for handwritten digits within 15,000 parameters.

    archbo check examples/digits.py      # ten seconds, before any training
    archbo run examples/digits.py        # or: python examples/digits.py
    archbo export digits.db -o best.py   # the best network as PyTorch source, with its weights

Without the budget the largest cell wins. Within it, what is connected with what decides. Stop it
whenever you like (Ctrl-C): run again, it goes on where it was.
"""

from collections.abc import Iterator
from statistics import mean, stdev

import torch
from sklearn.datasets import load_digits
from torch.nn import Module
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

import archbo as ab

torch.set_num_threads(1)  # each worker is a process; with one thread a seed fixes every bit

EPOCHS = 30
space = ab.Space(
    cell=ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"])
)

digits = load_digits()  # 1,797 images of 8 x 8 pixels, 0 to 16
order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(0))
images = torch.tensor(digits.images, dtype=torch.float32)[order, None] / 8 - 1
labels = torch.tensor(digits.target)[order]
training, validation = slice(0, 300), slice(300, 1700)


def build(arch: ab.Architecture) -> Module:
    """The network of a cell."""
    return ab.torch.build(arch, inputs=(1, 8, 8), channels=8)


def begin(arch: ab.Architecture, seed: int, epochs: int) -> tuple[Module, Optimizer, LRScheduler]:
    """A new network, its optimizer, and a schedule for so many epochs."""
    torch.manual_seed(seed)
    model = build(arch)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.02
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=10 * epochs)
    return model, optimizer, schedule


def train_epoch(model: Module, optimizer: Optimizer, schedule: LRScheduler) -> None:
    """One epoch on the 300 images, in 10 batches."""
    model.train()
    for batch in torch.randperm(300).split(32):
        loss = cross_entropy(model(images[training][batch]), labels[training][batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def accuracy(model: Module) -> float:
    """On the 1,400 other images."""
    model.eval()
    with torch.no_grad():
        guesses = model(images[validation]).argmax(dim=1)
    return (guesses == labels[validation]).double().mean().item()


def learn(arch: ab.Architecture, seed: int) -> Iterator[tuple[int, float, Module]]:
    """Train a network: every third epoch, its accuracy; itself."""
    model, optimizer, schedule = begin(arch, seed, EPOCHS)
    for epoch in range(1, EPOCHS + 1):
        train_epoch(model, optimizer, schedule)
        if epoch % 3 == 0:
            yield epoch, accuracy(model), model


def train(arch: ab.Architecture, trial: ab.Trial) -> float:
    """What the study calls for each architecture that it proposes."""
    for epoch, value, model in learn(arch, trial.seed):
        trial.save(model.state_dict())
        trial.report(epoch, value)
    return value


def params(arch: ab.Architecture) -> float:
    """How many parameters the network has; known before it is trained."""
    return ab.torch.cost(arch, inputs=(1, 8, 8), channels=8).params


def cell(op: str) -> ab.Architecture:
    """The cell with the same operation everywhere."""
    return space.architecture({"cell": [(s, t, op) for t in range(1, 4) for s in range(t)]})


def connected(arch: ab.Architecture) -> bool:
    """Whether the input reaches the output: all cells where it does not are one network."""
    return arch.id != DISCONNECTED


DISCONNECTED = cell("none").id


def search(store: str, method: str) -> ab.Study:
    """40 trainings of what a method proposes."""
    study = ab.Study(
        store,
        space,
        maximize="accuracy",
        seed=0,
        method=method,
        epochs=EPOCHS,
        features={"params": params},
        constraints=[{"params": "<= 15000"}, connected],
    )
    study.save_best(3)  # the weights of three architectures
    return study.run(train, trials=40, workers=2)


if __name__ == "__main__":
    found = search("digits.db", "bo").best
    random = search("digits-random.db", "random").best

    print("\nTraining the winners again, with three new seeds, beside the largest cell …\n")
    print(f"{'':26}{'params':>8}{'in the search':>16}{'three new trainings':>22}")
    for name, arch, value in [
        ("found by archbo", found.architecture, f"{found.value:.2%}"),
        ("best of 40 random cells", random.architecture, f"{random.value:.2%}"),
        ("3x3 convolutions only", cell("conv_3x3"), "over budget"),
    ]:
        again = [list(learn(arch, seed))[-1][1] for seed in (1, 2, 3)]
        row = f"{mean(again):.2%} ± {stdev(again):.2%}"
        print(f"{name:26}{params(arch):8,.0f}{value:>16}{row:>22}", flush=True)
    print(f"\nThe cell found: {found.architecture['cell']}")

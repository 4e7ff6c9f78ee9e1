"""One's own loop: archbo proposes, your code trains, nothing is stored.

    python examples/ask_tell.py          # under a minute

Each architecture is a perceptron of one to four layers, with its activation and how it is trained.
"""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import archbo as ab

space = ab.Space(
    widths=ab.Chain(ab.Int(4, 128, log=True), length=(1, 4)),
    activation=ab.Choice(["relu", "tanh"]),
    rate=ab.Float(1e-3, 1, log=True),
    decay=ab.Float(1e-6, 1e-1, log=True),
)

pixels, digits = load_digits(return_X_y=True)
x, x_valid, y, y_valid = train_test_split(pixels / 16, digits, train_size=500, random_state=0)


def accuracy(arch: ab.Architecture) -> float:
    """Train a perceptron for 20 epochs, and try it on what it has not seen."""
    model = MLPClassifier(
        hidden_layer_sizes=arch["widths"],
        activation=arch["activation"],
        learning_rate_init=arch["rate"],
        alpha=arch["decay"],
        solver="sgd",
        batch_size=32,
        random_state=0,
    )
    for _ in range(20):
        model.partial_fit(x, y, classes=range(10))
    return float(model.score(x_valid, y_valid))


opt = ab.Optimizer(space, maximize="accuracy", seed=0)
for number in range(1, 31):
    arch = opt.ask()
    value = accuracy(arch)  # if this could crash: opt.tell(arch, ab.FAILED)
    opt.tell(arch, value)
    print(f"{number:3}  {value:7.2%}  {arch}")

best = opt.best
print(f"\nbest: {best.value:.2%} with {best.architecture}")

other = space.architecture({**best.architecture.value, "widths": [32, 32]})
mean, sd = opt.predict(other)
print(f"with widths 32, 32 instead: {mean:.2%} ± {sd:.2%} expected, {accuracy(other):.2%} found")

"""A layer's neurons are those of the configuration, but for what it says itself."""

from snnc.models import build_model
from snnc.models.layer_neurons import neurons_of
from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig

CONFIG = TrainConfig(timesteps=3, beta=0.75, threshold=1.5, surrogate="arctan")


def test_what_is_not_said_is_the_configurations() -> None:
    assert neurons_of(CONFIG) == Neurons(3, 0.75, "arctan", threshold=1.5)
    assert neurons_of(CONFIG, beta=0.5, threshold=0.25) == Neurons(3, 0.5, "arctan", threshold=0.25)


def test_all_models_have_them() -> None:
    for name in ("cifarnet", "mlp", "resnet", "ffn"):
        model = build_model(CONFIG.replaced(model=name, width=0.03), Input((1, 8, 8), 0, 1), 4)
        assert all(layer.neurons == neurons_of(CONFIG) for layer in model.layers)

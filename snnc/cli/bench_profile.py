"""snnc bench --profile: where the fast simulator spends its time, layer by layer."""

from typing import TYPE_CHECKING, Any

from snnc.toolchain.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

    from snnc.bench.simulation import SimulationSettings, Watch
    from snnc.toolchain.network.network import Network


def profile_all(
    console: "Console", rates: list[float], settings: "SimulationSettings", file: str | None, watch: "Watch"
) -> list[dict[str, Any]]:
    """Profile and show a file's network, or CIFARNet at each firing rate; return plain values of all layers."""
    from snnc.bench.profile import profile
    from snnc.bench.simulation import limit_of
    from snnc.bench.synthetic import check_rate, synthetic_cifarnet, synthetic_images
    from snnc.bench.tables import show_profile
    from snnc.toolchain.simulate.bitsliced import BitslicedSimulator
    from snnc.toolchain.simulate.image_words import IMAGES

    for each in rates:
        check_rate(each)
    profiles = []
    asked: list[float | None] = [None] if file else [*rates]
    for rate in asked:
        if rate is None:
            network, samples = _of_file(str(file), IMAGES)
        else:
            watch(f"firing {rate:.0%}: calibrating")
            network = synthetic_cifarnet(settings.width, settings.timesteps, rate)
            samples = synthetic_images(network.input, IMAGES)
        limit = limit_of(BitslicedSimulator(network, threads=1))
        layers = list(profile(network, samples, limit, watch))
        show_profile(console, rate, layers)
        profiles.append({"network": network.name, "rate": rate, "layers": [layer.as_dict() for layer in layers]})
    return profiles


def _of_file(file: str, count: int) -> "tuple[Network, NDArray[Any]]":
    """Return a file's network and as many samples of its data; random ones where its data are not at hand."""
    from snnc.adopting import random_samples
    from snnc.files import load_subject, split_for
    from snnc.toolchain.data.dataset import chip_input

    network = load_subject(file)[0].network
    try:
        split = split_for(network, None, count)
    except DataError:
        return network, random_samples(network, count)
    return network, chip_input(split.first(count), network.input)

"""How active a network is on given samples, in NeuroBench's terms; simulate.activity measures it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Activity:
    """Means over samples, all time steps of a sample together, by the name of a source (the input too) or layer.

    `spikes` counts what each source sends that is not 0. `operations` counts NeuroBench's effective synaptic operations: a
    value that is not 0 meets a weight that is not 0. They are accumulates (ACs) where values are 0 and 1, else MACs.
    `activation_sparsity` is the share of zeros among the outputs of all neurons, samples and steps; the membrane read-out,
    which never spikes, is left out.
    """

    samples: int
    spikes: dict[str, float]
    operations: dict[str, float]
    effective_macs: float
    effective_acs: float
    activation_sparsity: float

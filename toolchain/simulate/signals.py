"""What the layers of the fast simulator read: the signal of every source, and the same some steps later."""

from snnc.toolchain.simulate.bitsliced_layers import Pixels, Signal, Spikes
from snnc.toolchain.simulate.frames import delayed


class Signals(dict[tuple[str, int], Signal]):
    """Signals by source and delay. Those without delay are put in; delayed ones are made once, when first asked for."""

    def __init__(self, timesteps: int):
        """Take the number of time steps of a sample."""
        super().__init__()
        self.timesteps = timesteps

    def __missing__(self, key: tuple[str, int]) -> Signal:
        """Shift a source along time, zeros in front."""
        source, delay = key
        if not delay:
            raise KeyError(key)
        signal = self[source, 0]
        if isinstance(signal, Spikes):
            later: Signal = Spikes(signal.channels, delayed(signal.bits.swapaxes(0, 1), delay, self.timesteps).swapaxes(0, 1))
        else:
            later = Pixels(delayed(signal.values.swapaxes(0, 1), delay, self.timesteps).swapaxes(0, 1))
        self[key] = later
        return later

"""The training methods, by name; add a file and a row to METHODS to add one."""

from typing import Any

from snnc.toolchain.errors import row
from snnc.toolchain.training.methods import baseline, bisnn_bayes, bisnn_st, kd, kd_ce, sei, tna, tna3
from snnc.toolchain.training.methods.method import Method

METHODS: dict[str, Method[Any]] = {
    "baseline": baseline.METHOD,
    "tna": tna.METHOD,
    "tna3": tna3.METHOD,
    "kd": kd.METHOD,
    "kd-ce": kd_ce.METHOD,
    "sei": sei.METHOD,
    "bisnn-st": bisnn_st.METHOD,
    "bisnn-bayes": bisnn_bayes.METHOD,
}


def method_named(name: str) -> Method[Any]:
    """Return a row of METHODS. Raises ConfigError for an unknown name."""
    return row(METHODS, name, "method")

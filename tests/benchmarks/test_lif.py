"""The peer of the LIF model's benchmark gives the spikes of the model."""

from __future__ import annotations

import pytest

from benchmarks import lif
from neuristor.golden_model.neurons.lif import LifBitTrue


def test_the_python_loop_gives_the_spikes_of_the_model() -> None:
    params = lif.params_for(9)
    drive = lif.drive_for(params, 300)
    spikes = LifBitTrue(params).run(drive)["spike"]
    assert lif.python_loop(params, drive) == spikes.tolist()
    assert spikes.sum() > 20
    with pytest.raises(ValueError, match="python_loop knows neither noise"):
        lif.python_loop(lif.params_for(9, threshold_c2c=0.01), drive)

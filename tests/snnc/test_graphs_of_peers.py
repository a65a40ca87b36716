"""NIR graphs that other frameworks wrote start a training, with the spikes of the module that they were written from."""

from pathlib import Path

import nir
import pytest
import torch
from peers import skip_without
from training_runs import ONE_EACH

import snnc


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_a_network_of_snntorch_trains(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    skip_without("snntorch")
    import snntorch
    from snntorch.export_nir import export_to_nir

    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    for source, out in ((64, 20), (20, 10)):
        leaky = snntorch.Leaky(0.75 * torch.ones(out), torch.ones(out), init_hidden=True)
        layers += [torch.nn.Linear(source, out), leaky]
    nir.write("flat.nir", export_to_nir(torch.nn.Sequential(*layers), torch.zeros(64)))
    start = snnc.from_nir("flat.nir")
    assert (start.model, start.beta) == ("20FC", 0.75)
    assert any("snntorch" in note for note in start.notes)
    assert any("resets to zero" in note for note in start.notes)
    images = snnc.load_dataset("digits")
    train, test = (snnc.Split(each.samples.reshape(-1, 64), each.labels) for each in (images.train, images.test))
    flat = snnc.Input((64,), images.input.minimum, images.input.maximum, images.input.zero_point)
    data = snnc.Dataset("flat", train, test, images.labels, flat)
    checkpoint = snnc.train(ONE_EACH, "model.pt", dataset=data, start=start)
    Path("flat.nir").unlink()
    network = snnc.lower(snnc.load_model("model.pt")[0], checkpoint.labels)
    assert snnc.verify(network, data.test.first(10), engines=["reference", "fast"]).equal
    capfd.readouterr()


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("behind", "text"), [(True, "4C3-4C3-AP2-Outb1@conv2+conv1"), (False, "4C3-4C3~conv1g1-AP2-Outb1")])
def test_a_residual_network_of_spikingjelly_spikes_as_the_module_does(
    behind: bool, text: str, digits: snnc.Dataset, capfd: pytest.CaptureFixture[str]
) -> None:
    skip_without("spikingjelly")
    from spikingjelly.activation_based.neuron import IFNode, LIFNode
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    class Block(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.c1, self.n1 = torch.nn.Conv2d(1, 4, 3, padding=1), LIFNode(decay_input=False)
            self.c2, self.n2 = torch.nn.Conv2d(4, 4, 3, padding=1), LIFNode(decay_input=False)
            self.pool, self.flat = torch.nn.AvgPool2d(2), torch.nn.Flatten()
            self.fc, self.n3 = torch.nn.Linear(64, 10), IFNode()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            one = self.n1(self.c1(x))
            two = self.n2(self.c2(one)) + one if behind else self.n2(self.c2(one) + one)
            result: torch.Tensor = self.n3(self.fc(self.flat(self.pool(two))))
            return result

    torch.manual_seed(0)
    module = Block().eval()
    nir.write("theirs.nir", export_to_nir(module, torch.zeros(1, 1, 8, 8)))
    start = snnc.from_nir("theirs.nir", input_scale=1 / 4)
    assert (start.model, start.beta) == (text, 0.5)
    few = torch.as_tensor(snnc.chip_input(digits.test.first(50), digits.input))
    outputs = []
    with torch.no_grad():
        for each in (start, snnc.from_torch(module, digits.input, scale=1 / 4)):
            network = each.network(ONE_EACH, digits.input) if isinstance(each, snnc.GraphStart) else each.network(ONE_EACH)
            outputs.append(network.eval()(few))
    assert torch.allclose(outputs[0][0], outputs[1][0], atol=1e-4)
    assert outputs[0][0].abs().max() > 0.1
    capfd.readouterr()

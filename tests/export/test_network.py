"""The exported module gives the logits of the classifier, whatever its network."""

import pytest
import torch
from torch import nn

from xray.export.network import ExportedClassifier
from xray.export.write import trace
from xray.models.base import ImageClassifier
from xray.models.feature_map import find_feature_map


class Net(nn.Module):
    """A network for colour images that returns one number for each image, and uses one pooling module twice."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 8, 3)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(8, 1)

    def forward(self, images):
        return self.head(self.pool(self.conv2(self.pool(self.conv1(images)).relu())).mean((2, 3))).squeeze(1)


@pytest.mark.parametrize("with_map", [True, False])
def test_own_network_for_colour_images(with_map):
    torch.manual_seed(0)
    model = ImageClassifier(Net(), in_channels=3).eval()
    feature_map = find_feature_map(model, 32)
    program = trace(ExportedClassifier(model, 32, "stretch", feature_map if with_map else None))
    images = torch.randint(0, 256, (3, 1, 32, 32), dtype=torch.uint8)
    logits, _, *maps = program.module()(images)
    with torch.no_grad():
        torch.testing.assert_close(logits, model(images))
    assert len(maps) == with_map
    for one in maps:
        torch.testing.assert_close(one.sum((1, 2)) + model.network.head.bias, logits)

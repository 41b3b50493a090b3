"""Small residual network for grey images (no Lightning import)."""

from collections.abc import Sequence

from torch import Tensor, nn


class SimpleCNN(nn.Module):
    """Residual network: stem, one stage per width, global average pooling, one logit.

    Basic blocks of He et al., "Deep residual learning for image recognition" (CVPR 2016), each ending in
    squeeze-and-excitation (Hu et al., CVPR 2018), with batch normalisation. The default has 0.9 million parameters.

    Args:
        widths: Channels of each stage; the stem and every stage halve the resolution.
        dropout: Probability of dropping a pooled feature.
    """

    def __init__(self, widths: Sequence[int] = (32, 64, 128, 192), dropout: float = 0.2) -> None:
        super().__init__()
        self.stem = _conv_norm(1, widths[0], kernel=5, stride=2)
        inputs = (widths[0], *widths[:-1])
        self.stages = nn.Sequential(
            *(ResidualBlock(before, after) for before, after in zip(inputs, widths, strict=True))
        )
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(widths[-1], 1))

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images of shape (batch, 1, size, size) to logits of shape (batch, 1)."""
        logits: Tensor = self.head(self.stages(self.stem(images).relu()))
        return logits


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions that halve the resolution, plus a pooled and projected shortcut."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            _conv_norm(before, after, kernel=3, stride=2),
            nn.ReLU(inplace=True),
            _conv_norm(after, after, kernel=3),
            SqueezeExcitation(after),
        )
        # Pooling before the projection uses every pixel; a strided 1x1 convolution would skip three in four.
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), _conv_norm(before, after, kernel=1))

    def forward(self, features: Tensor) -> Tensor:
        """Halve the resolution of features of shape (batch, before, height, width)."""
        summed: Tensor = self.convolutions(features) + self.shortcut(features)
        return summed.relu()


class SqueezeExcitation(nn.Module):
    """Squeeze-and-excitation: scale each channel by a weight computed from the whole map."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        narrow = max(1, channels // reduction)
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, narrow, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(narrow, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Scale features of shape (batch, channels, height, width)."""
        scaled: Tensor = features * self.weigh(features)
        return scaled


def _conv_norm(before: int, after: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False), nn.BatchNorm2d(after)
    )

"""Array types that modules share."""

import numpy as np
import numpy.typing as npt

GreyImage = npt.NDArray[np.uint8]
"""One grey image, shape (height, width), 0 black to 255 white."""
Images = npt.NDArray[np.uint8]
"""Grey images of one size, shape (images, size, size), 0 black to 255 white."""
ImageValues = npt.NDArray[np.float64]
"""Real numbers, one for each image along the first axis."""

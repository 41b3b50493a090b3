"""Array types that modules share."""

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
"""Grey images of one size, shape (images, size, size), 0 black to 255 white."""
Values = npt.NDArray[np.float64]
"""Real numbers, one for each image along the first axis."""

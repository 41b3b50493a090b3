"""Array types of the evaluation."""

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]
"""0 or 1, shape (images,)."""
Scores = npt.NDArray[np.float64]
"""Any scale, higher for positive, shape (images,)."""
Weights = npt.NDArray[np.float64]
"""How often each image counts, shape (resamples, images). Functions without weights count each image once."""
ResampleValues = npt.NDArray[np.float64]
"""One value per resample, shape (resamples,); NaN where not defined."""
Features = npt.NDArray[np.float64]
"""Feature vectors, shape (images, features)."""

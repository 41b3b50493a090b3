"""From films to verdicts: a probability, or a refusal."""

from dataclasses import dataclass

import numpy as np

from xray.evaluation.predictions import decide
from xray.familiarity import Familiarity
from xray.predictor.base import Films, Predictor


@dataclass(frozen=True)
class Verdict:
    """What is said of one film.

    Args:
        logit: Raw output of the network.
        probability: Calibrated probability of the positive class.
        decision: Name of the class.
        refusal: Why the film gets no probability; empty where it gets one.
    """

    logit: float
    probability: float
    decision: str
    refusal: str


class Judge:
    """Asks the model, and first whether the picture looks like the films that it was trained on.

    Args:
        predictor: The model. Where its manifest has no familiarity nothing is refused.
        refuse_unfamiliar: Whether pictures that do not look like the training films are refused.
    """

    def __init__(self, predictor: Predictor, refuse_unfamiliar: bool = True) -> None:
        self.predictor = predictor
        known = predictor.manifest.familiarity if refuse_unfamiliar else None
        self._familiarity = None if known is None else Familiarity.from_dict(known)

    @property
    def refuses(self) -> bool:
        """Whether pictures that do not look like chest films are refused."""
        return self._familiarity is not None

    def __call__(self, films: Films) -> list[Verdict]:
        """Judge films of the model's size, shape (films, size, size).

        Raises:
            UserError: The model gives no numbers.
        """
        manifest = self.predictor.manifest
        logits = self.predictor.logits(films)
        probabilities = manifest.probability(logits)
        decisions = decide(probabilities, manifest.threshold, manifest.class_names)
        reasons = [""] * len(films) if self._familiarity is None else self._familiarity.reasons(films)
        return [
            Verdict(*of_one) for of_one in zip(logits.tolist(), probabilities.tolist(), decisions, reasons, strict=True)
        ]

    def try_out(self, most: int = 1) -> None:
        """Judge so many black films, and one, which shows that the model answers and takes its first, slow passes.

        Args:
            most: Films in the largest batch that will come: the memory that it needs is taken now.
        """
        size = self.predictor.manifest.image_size
        for films in (most, 1):
            self(np.zeros((films, size, size), np.uint8))

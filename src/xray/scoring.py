"""All that is written down about the films that a checkpoint was scored on, beside their predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xray.checkpoint import CODE_KEY, DATA_KEY, DECISION_KEY, FAMILIARITY_KEY, FLOORS_KEY, Checkpoint
from xray.data.controls import CONTROLS
from xray.data.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from xray.data.facts import FilmFacts
from xray.data.record import fingerprint
from xray.evaluation.evidence import Evidence
from xray.evaluation.predictions import Predictions, decide
from xray.evaluation.ranking import Scores
from xray.explain.choose import choose_films
from xray.familiarity import Familiarity
from xray.floors import facts_of, score_floors
from xray.inference import logits_of
from xray.leaks import same_pictures
from xray.progress import shown
from xray.provenance import code_version

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule
    from xray.models.base import FilmClassifier

CORRUPTION_SEED = 0


@dataclass(frozen=True)
class Scoring:
    """What is scored, with what.

    Args:
        checkpoint: The checkpoint.
        run: Name of the run that it belongs to; None for one far from its run.
        split: The split: val or test.
        external: Whether the films are of another source than those it was trained on.
        robustness: Whether to score corrupted films too.
    """

    checkpoint: Checkpoint
    run: str | None
    split: str
    external: bool = False
    robustness: bool = False

    def gather(self, model: "FilmClassifier", data: "ChestXRayDataModule", logits: Scores) -> Evidence:
        """Predictions, and all that a report sets beside them.

        Args:
            model: The model in evaluation mode.
            data: Set up for the split.
            logits: Of its films, shape (films,).
        """
        # First, since what it has to say belongs to the notes of the source.
        pictures = same_pictures(self.checkpoint, data, self.split)
        table = predictions(model, data, self.split, logits)
        facts = facts_of(data.files(self.split))
        films = {name: [str(getattr(fact, name)) for fact in facts] for name in ("width", "height", "mode", "bytes")}
        digests = [film.digest for film in data.films[self.split]]
        return Evidence(
            table,
            self._source(model, data),
            films=films | {"digest": digests},
            controls=self._controls(model, data, facts),
            unfamiliarity=self._unfamiliarity(data),
            robustness=self._corrupted(model, data) if self.robustness else {},
            duplicates=pictures,
            maps=maps_of(model, data, self.split, table),
        )

    def _source(self, model: "FilmClassifier", data: "ChestXRayDataModule") -> Mapping[str, Any]:
        checkpoint = self.checkpoint
        return {
            "set": "test" if self.split == "test" else "validate",
            "external": self.external,
            "checkpoint": str(checkpoint.path),
            "run": self.run,
            "data_root": str(data.root),
            "split": self.split,
            "data_fingerprint": fingerprint(data.films[self.split]),
            "image_size": data.image_size,
            "resize": data.resize,
            "class_names": list(data.class_names),
            "temperature": float(model.temperature),
            "threshold": float(model.threshold),
            "decision": checkpoint.record(DECISION_KEY),
            "model": type(model).__name__,
            "config": checkpoint.config,
            "code": code_version(),
            "trained_with": checkpoint.record(CODE_KEY),
            "training_data": checkpoint.record(DATA_KEY),
            "notes": data.notes,
        }

    def _controls(
        self, model: "FilmClassifier", data: "ChestXRayDataModule", facts: Sequence[FilmFacts]
    ) -> dict[str, Scores]:
        grey = round(255 * float(model.mean))
        floors = self.checkpoint.record(FLOORS_KEY) or {}
        return score_floors(floors, data, self.split, facts) | {
            name: logits_of(model, (hide(films, grey) for films in data.grey_chunks(self.split)), data.batch_size)
            for name, hide in CONTROLS.items()
        }

    def _unfamiliarity(self, data: "ChestXRayDataModule") -> dict[str, Scores]:
        stored = self.checkpoint.record(FAMILIARITY_KEY)
        return {} if stored is None else Familiarity.from_dict(stored).ratios(data.grey_chunks(self.split))

    def _corrupted(self, model: "FilmClassifier", data: "ChestXRayDataModule") -> dict[str, Scores]:
        variants = [(name, strength) for name in CORRUPTIONS for strength in STRENGTHS]
        found = {}
        for name, strength in shown(variants, "Scoring corrupted films", len(variants)):
            first, chunks = 0, []
            for films in data.grey_chunks(self.split):
                spoiled = corrupt(films, name, strength, CORRUPTION_SEED, first)
                chunks.append(logits_of(model, [spoiled], data.batch_size))
                first += len(films)
            found[f"{name}_{strength}"] = np.concatenate(chunks)
        return found


def maps_of(
    model: "FilmClassifier", data: "ChestXRayDataModule", split: str, table: Predictions
) -> dict[int, npt.NDArray[np.float64]]:
    """Grad-CAM of some films of a split by row, see `choose_films`; none where the network has none.

    Occlusion, which takes two hundred passes a film, is left to `explain`.
    """
    from xray.models.activation import find_activation
    from xray.models.grad_cam import grad_cam

    activation = find_activation(model, data.image_size)
    rows = choose_films(table, data.class_names)
    if activation is None or not rows:
        return {}
    return dict(zip(rows, grad_cam(model, activation.layer, data.grey_films(split, rows)), strict=True))


def predictions(model: "FilmClassifier", data: "ChestXRayDataModule", split: str, logits: Scores) -> Predictions:
    """The predictions table of a split."""
    import torch

    films = data.films[split]
    probability = model.probability(torch.from_numpy(logits)).numpy()
    return Predictions(
        path=[str(data.root / film.path) for film in films],
        patient=[film.patient for film in films],
        label=[data.class_names[film.label] for film in films],
        logit=logits,
        probability=probability,
        decision=decide(probability, float(model.threshold), data.class_names),
    )

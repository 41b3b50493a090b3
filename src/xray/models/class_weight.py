"""How much the rarer class counts in the loss."""

from typing import Literal

from lightning.pytorch import Trainer

from xray.utils.errors import UserError

ClassWeight = Literal["balanced", "none"]


def balanced_weight(trainer: Trainer) -> float:
    """Return the weight of the positive class with which both classes count the same: negatives / positives.

    Raises:
        UserError: Nothing says how many training images each class has.
    """
    data = trainer.datamodule  # type: ignore[attr-defined]
    if not hasattr(data, "class_counts"):
        given = "data loaders" if data is None else type(data).__name__
        raise UserError(
            f"model.class_weight balanced needs the number of images of each class, which {given} do not give: "
            "train on a ChestXRayDataModule or another data module with class_counts, or set class_weight to "
            "none."
        )
    negatives, positives = data.class_counts
    weight: float = negatives / positives
    return weight

"""Train with fastai: ImageDataLoaders from the folders, Learner, one-cycle schedule.

`same`: bfloat16, torch's AdamW, workers on all cores, images stretched to the size, and fastai's batch augmentation
with strengths like ours. `tuned`: also channels last.

`defaults`: what the quick start has: images cropped to the size, no augmentation, single precision, fastai's own Adam
and number of workers. Grey images and the small network are all that differs from it.
"""

import time
from functools import partial
from pathlib import Path

import torch
from fastai.callback.channelslast import ChannelsLast
from fastai.vision.all import (
    BCEWithLogitsLossFlat,
    Callback,
    ImageDataLoaders,
    Learner,
    MixedPrecision,
    Normalize,
    OptimWrapper,
    PILImageBW,
    Resize,
    ResizeMethod,
    aug_transforms,
)
from shared import LEARNING_RATE, MEAN, STD, WEIGHT_DECAY, parse_job, report

from xray.models.simple_cnn import SimpleCNN
from xray.utils.hardware import usable_cores


class Bfloat16(Callback):
    """Mixed precision on any device; fastai's own callback names CUDA and does nothing on a CPU."""

    order = MixedPrecision.order

    def before_batch(self) -> None:
        self.context = torch.autocast(self.dls.device.type, dtype=torch.bfloat16)
        self.context.__enter__()

    def after_pred(self) -> None:
        self.learn.pred = self.pred.float()

    def after_loss(self) -> None:
        self.context.__exit__(None, None, None)


class Clock(Callback):
    """Time epochs, validation included."""

    def before_fit(self) -> None:
        self.seconds = []

    def before_epoch(self) -> None:
        self.start = time.perf_counter()

    def after_epoch(self) -> None:
        self.seconds.append(time.perf_counter() - self.start)


def accuracy(logits, targets):
    """Find the share of images on the right side of a logit of zero."""
    return ((logits.squeeze(1) > 0) == targets.bool()).float().mean()


def main() -> None:
    """Run the job."""
    job = parse_job(__doc__)
    normalise = Normalize.from_stats([MEAN], [STD])
    clock = Clock()
    resize, augment, loading, optimiser, callbacks = Resize(job.size), [], {}, {}, [clock]
    if job.same:
        resize = Resize(job.size, method=ResizeMethod.Squish)
        augment = aug_transforms(
            do_flip=False,
            max_rotate=7,
            min_zoom=0.9,
            max_zoom=1.1,
            max_lighting=0.2,
            max_warp=0,
            p_affine=1,
            p_lighting=1,
        )
        loading = {"num_workers": usable_cores(), "pin_memory": torch.cuda.is_available()}
        optimiser = {"opt_func": partial(OptimWrapper, opt=torch.optim.AdamW), "wd": WEIGHT_DECAY}
        callbacks += [Bfloat16()] if job.precision == "bf16-mixed" else []
        callbacks += [ChannelsLast()] if job.tuned else []

    dls = ImageDataLoaders.from_folder(
        job.root,
        train="train",
        valid="val",
        img_cls=PILImageBW,
        item_tfms=resize,
        batch_tfms=[*augment, normalise],
        bs=job.batch_size,
        **loading,
    )
    # By default fastai writes next to the images.
    learn = Learner(
        dls,
        SimpleCNN(),
        loss_func=BCEWithLogitsLossFlat(),
        metrics=accuracy,
        path=Path.cwd(),
        cbs=callbacks,
        **optimiser,
    )
    learn.fit_one_cycle(job.epochs, LEARNING_RATE)
    learn.save("last")
    report(Path(__file__).stem, job, len(dls.train_ds), clock.seconds, float(learn.recorder.values[-1][-1]))


if __name__ == "__main__":
    main()

"""Train with timm's data sets, loaders, optimiser, schedule and checkpoints, in the manner of its training script.

`same`: bfloat16, workers on all cores, images stretched to the size, and of timm's augmentation what comes near ours:
a mild crop for shift and scale, brightness and contrast, no flip. It has no rotation outside its policies, which is
work saved. `tuned`: also channels last.

`defaults`: four workers whatever the cores, single precision, the whole random resized crop with flip and colour
jitter, as the script has them without an option. Optimiser and loss stay, for the accuracies to compare.
"""

import time
from contextlib import nullcontext
from pathlib import Path

import torch
from shared import LEARNING_RATE, MEAN, STD, WEIGHT_DECAY, parse_job, report
from timm.data import create_dataset, create_loader, resolve_data_config
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import AverageMeter, CheckpointSaver
from torch import nn

from xray.models.simple_cnn import SimpleCNN
from xray.utils.hardware import usable_cores

LOG_INTERVAL = 50


def train_one_epoch(epoch, model, loader, optimizer, loss_fn, autocast, layout, scheduler) -> None:
    """Train, and print the loss now and then, which alone asks the device for it."""
    losses = AverageMeter()
    model.train()
    updates = epoch * len(loader)
    for step, (images, targets) in enumerate(loader):
        images = images.contiguous(memory_format=layout)
        with autocast():
            loss = loss_fn(model(images), targets.float().unsqueeze(1))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        updates += 1
        scheduler.step_update(num_updates=updates)
        if step % LOG_INTERVAL == 0 or step + 1 == len(loader):
            losses.update(loss.item(), len(images))
            print(f"Train: {epoch} [{step}/{len(loader)}] loss {losses.val:.4f} ({losses.avg:.4f})")


def validate(model, loader, autocast, layout) -> float:
    """Find the share of images on the right side of a logit of zero."""
    accuracy = AverageMeter()
    model.eval()
    with torch.inference_mode():
        for images, targets in loader:
            images = images.contiguous(memory_format=layout)
            with autocast():
                logits = model(images).squeeze(1)
            accuracy.update(((logits > 0) == targets.bool()).float().mean().item(), len(images))
    return accuracy.avg


def main() -> None:
    """Run the job."""
    job = parse_job(__doc__)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = resolve_data_config({"input_size": (1, job.size, job.size), "mean": (MEAN,), "std": (STD,)})
    workers, pin, layout, autocast = 4, False, torch.contiguous_format, nullcontext
    augmentation = {"scale": (0.08, 1.0), "ratio": (3 / 4, 4 / 3), "color_jitter": 0.4, "interpolation": "random"}
    if job.same:
        workers, pin = usable_cores(), device.type == "cuda"
        layout = torch.channels_last if job.tuned else layout
        data |= {"interpolation": "bilinear", "crop_pct": 1.0, "crop_mode": "stretch"}
        augmentation = {"scale": (0.8, 1.0), "ratio": (0.9, 1.1), "hflip": 0.0, "color_jitter": (0.2, 0.2, 0.0)}
        if job.precision == "bf16-mixed":

            def autocast():
                return torch.autocast(device.type, dtype=torch.bfloat16)

    model = SimpleCNN().to(device=device, memory_format=layout)
    train, val = (
        create_dataset("", root=str(job.root), split=split, is_training=split == "train", input_img_mode="L")
        for split in ("train", "validation")
    )
    shared = {"batch_size": job.batch_size, "num_workers": workers, "pin_memory": pin, "device": device}
    train_loader = create_loader(train, is_training=True, **{**data, **augmentation}, **shared)
    val_loader = create_loader(val, is_training=False, **data, **shared)
    optimizer = create_optimizer_v2(model, opt="adamw", lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    scheduler, epochs = create_scheduler_v2(optimizer, num_epochs=job.epochs, updates_per_epoch=len(train_loader))
    output = Path("output/train")
    output.mkdir(parents=True)
    saver = CheckpointSaver(model, optimizer, checkpoint_dir=str(output), recovery_dir=str(output))
    seconds, accuracy = [], 0.0
    for epoch in range(epochs):
        start = time.perf_counter()
        train_one_epoch(epoch, model, train_loader, optimizer, nn.BCEWithLogitsLoss(), autocast, layout, scheduler)
        accuracy = validate(model, val_loader, autocast, layout)
        scheduler.step(epoch + 1, accuracy)
        saver.save_checkpoint(epoch, metric=accuracy)
        seconds.append(time.perf_counter() - start)
        print(f"Epoch {epoch}: accuracy {accuracy:.4f}, {seconds[-1]:.1f} s")
    report(Path(__file__).stem, job, len(train), seconds, accuracy)


if __name__ == "__main__":
    main()

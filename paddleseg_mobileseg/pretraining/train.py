"""The training of a classifier: epochs, evaluation, checkpoints and resuming.

Plain on purpose: AdamW, a linear warm-up and a cosine decay, label smoothing, random crops and flips, one process.
SeaFormer's own ImageNet training is longer and heavier (600 epochs of RMSProp on eight GPUs with random
augmentation, erasing and a moving average); PP-MobileSeg's is not described.
"""

import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import cv2
import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.base.unique_name import UniqueNameGenerator
from paddleseg.cvlibs import manager
from tqdm import tqdm

from ..checkpoints.loading import check_state, load_weights, tensor_shapes
from ..checkpoints.reader import read_checkpoint, read_pickle
from ..errors import InputError, ToolError
from ..files import atomic_folder, check_save_dir, write_text
from ..models.heads.classification import BackboneClassifier
from .image_folder import ImageFolder

LAST, BEST = "last", "best"


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: passes over the training images.
        batch_size: images an iteration; what fills no batch is left out of an epoch.
        learning_rate: after the warm-up.
        warmup_epochs: of linear rise from a thousandth of the rate.
        weight_decay: of AdamW, for convolutions and linear layers only.
        label_smoothing: share of the target that all classes have in common.
        dropout: before the classifier.
        image_size: height and width of the crops.
        num_workers: processes that read images; 0 reads them in this one.
        seed: of weights, order, crops and dropout.
    """

    epochs: int = 300
    batch_size: int = 256
    learning_rate: float = 1e-3
    warmup_epochs: int = 5
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    dropout: float = 0.2
    image_size: int = 224
    num_workers: int = 4
    seed: int = 0

    def check(self) -> None:
        """Raises InputError where a number makes no training."""
        for name in ("epochs", "batch_size", "learning_rate", "image_size"):
            if getattr(self, name) <= 0:
                raise InputError(f"--{name} is {getattr(self, name)}; it must be more than 0")
        if self.warmup_epochs >= self.epochs:
            raise InputError(f"--warmup_epochs {self.warmup_epochs} must be fewer than --epochs {self.epochs}")


def build_backbone(name: str, pretrained: Optional[str] = None) -> nn.Layer:
    """A backbone of PaddleSeg's registry.

    Raises:
        InputError: there is none of that name, or it does not say its channels.
    """
    if name not in manager.BACKBONES.components_dict:
        raise InputError(f"there is no backbone '{name}'; choose one such as StrideFormer_Tiny or SeaFormer_Base")
    backbone = manager.BACKBONES[name]()
    if not hasattr(backbone, "feat_channels"):
        raise InputError(f"backbone {name} has no feat_channels; choose one such as StrideFormer_Tiny")
    if pretrained is not None:
        load_weights(backbone, pretrained)
    return backbone


def learning_rate(recipe: Recipe, steps_per_epoch: int, step: int) -> float:
    """The rate of a step: a linear rise over the warm-up, then half a cosine down to zero."""
    warmup, total = recipe.warmup_epochs * steps_per_epoch, recipe.epochs * steps_per_epoch
    if step < warmup:
        return recipe.learning_rate * (1e-3 + (1 - 1e-3) * step / warmup)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


def _one_thread(worker: int) -> None:
    """The workers are as many as shall read at once; OpenCV's own threads would only get in their way."""
    cv2.setNumThreads(0)


class Training:
    """A classifier, its data and its optimizer, from the first epoch or from where a checkpoint stopped.

    Args:
        backbone: its name in PaddleSeg's registry.
        data: folder with `train/CLASS/` and `val/CLASS/`.
        save_dir: gets the folders `last` (to resume from) and `best` (highest accuracy on `val`).
        pretrained: weights of the backbone to start from.

    Raises:
        InputError: see the parts.
    """

    def __init__(self, backbone: str, data: Path, save_dir: Path, recipe: Recipe, pretrained: Optional[str] = None):
        recipe.check()
        check_save_dir(str(save_dir))
        self.recipe, self.save_dir, self.backbone_name = recipe, save_dir, backbone
        self.train_data = ImageFolder(data / "train", recipe.image_size, augment=True, seed=recipe.seed)
        self.val_data = ImageFolder(data / "val", recipe.image_size, classes=self.train_data.classes)
        if len(self.train_data) < recipe.batch_size:
            raise InputError(
                f"{data / 'train'} has {len(self.train_data)} images, too few for one batch of {recipe.batch_size}; "
                "set a smaller --batch_size"
            )
        self.steps_per_epoch = len(self.train_data) // recipe.batch_size
        paddle.seed(recipe.seed)
        # The optimizer's state is stored by names that must not depend on what this process built before.
        self.names = UniqueNameGenerator()
        with paddle.utils.unique_name.guard(self.names):
            self.model = BackboneClassifier(
                build_backbone(backbone, pretrained), len(self.train_data.classes), recipe.dropout
            )
            self.optimizer = paddle.optimizer.AdamW(
                recipe.learning_rate,
                parameters=self.model.parameters(),
                weight_decay=recipe.weight_decay,
                apply_decay_param_fun=self._decayed().__contains__,
            )
        self.history: List[Dict[str, float]] = []

    def _decayed(self) -> List[str]:
        """Names of the weights of convolutions and linear layers: not of batch norms, biases and embeddings."""
        return [p.name for name, p in self.model.named_parameters() if len(p.shape) in (2, 4)]

    def resume(self, folder: Path) -> None:
        """Go on from the folder `last` of an earlier training.

        Raises:
            InputError: the checkpoint cannot be read, or is of another backbone, recipe or set of classes.
        """
        tensors = read_checkpoint(folder)
        state = read_pickle(folder / "training.pdopt")
        given = state.get("identity") if isinstance(state, dict) else None
        if given != self._identity():
            own = self._identity()
            differ = [key for key in own if (given or {}).get(key) != own[key]]
            raise InputError(
                f"--resume {folder}: it was trained with another {', '.join(differ)}; type the same flags again"
            )
        check_state(self.model, tensor_shapes(self.model), tensors)
        self.model.set_state_dict({name: paddle.to_tensor(value) for name, value in tensors.items()})
        # paddle.save writes a tensor inside another table as the pair (name, array).
        self.optimizer.set_state_dict(
            {key: value[1] if isinstance(value, tuple) else value for key, value in state["optimizer"].items()}
        )
        self.history = state["history"]

    def _identity(self) -> Dict[str, Any]:
        """What must be the same for a resumed training to be the same training."""
        recipe = {key: value for key, value in asdict(self.recipe).items() if key != "num_workers"}
        return {"backbone": self.backbone_name, "classes": self.train_data.classes, **recipe}

    def run(self) -> List[Dict[str, float]]:
        """Train the epochs that are left; returns a row for every epoch.

        Raises:
            ToolError: the loss is no longer a number.
            InputError: an image cannot be read, or a checkpoint cannot be written.
        """
        for epoch in range(len(self.history), self.recipe.epochs):
            loss = self._train(epoch)
            row = {"epoch": epoch + 1, "loss": loss, "learning_rate": self.optimizer.get_lr(), **self.evaluate()}
            best = all(row["accuracy"] > earlier["accuracy"] for earlier in self.history)
            self.history.append(row)
            self._save(LAST)
            if best:
                self._save(BEST)
            print(" ".join(f"{key} {value:.6g}" for key, value in row.items()), file=sys.stderr)
        return self.history

    def _train(self, epoch: int) -> float:
        """One epoch; returns the mean loss."""
        recipe = self.recipe
        paddle.seed(recipe.seed + epoch)
        self.train_data.epoch = epoch
        order = np.random.default_rng((recipe.seed, epoch)).permutation(len(self.train_data))
        batches = [
            order[first:first + recipe.batch_size].tolist()
            for first in range(0, self.steps_per_epoch * recipe.batch_size, recipe.batch_size)
        ]
        self.model.train()
        losses = []
        for position, (images, labels) in enumerate(self._batches(self.train_data, batches, f"epoch {epoch + 1}")):
            self.optimizer.set_lr(learning_rate(recipe, self.steps_per_epoch, epoch * self.steps_per_epoch + position))
            targets = F.label_smooth(
                F.one_hot(labels, len(self.train_data.classes)), epsilon=recipe.label_smoothing
            )
            loss = F.cross_entropy(self.model(images), targets, soft_label=True)
            loss.backward()
            with paddle.utils.unique_name.guard(self.names):
                self.optimizer.step()
            self.optimizer.clear_grad()
            losses.append(float(loss))
            if not math.isfinite(losses[-1]):
                raise ToolError(f"the loss is {losses[-1]} in epoch {epoch + 1}; set a smaller --learning_rate")
        return float(np.mean(losses))

    def _batches(self, data: ImageFolder, batches: List[List[int]], title: str) -> Iterator[List[paddle.Tensor]]:
        """Images and classes of each batch of indices, with a progress bar."""
        loader = paddle.io.DataLoader(
            data, batch_sampler=batches, num_workers=self.recipe.num_workers, worker_init_fn=_one_thread
        )
        iterator = iter(loader)
        try:
            yield from tqdm(iterator, title, total=len(batches), disable=None, leave=False)
        finally:
            # After an error Paddle would wait for ever for workers that wait for it; they end with this process.
            if self.recipe.num_workers:
                iterator._try_shutdown_all(1)

    def evaluate(self) -> Dict[str, float]:
        """Shares of the `val` images whose class is the likeliest, and among the five likeliest."""
        self.model.eval()
        count = len(self.val_data)
        size = self.recipe.batch_size
        batches = [list(range(first, min(first + size, count))) for first in range(0, count, size)]
        top = min(5, len(self.train_data.classes))
        first = among = 0
        with paddle.no_grad():
            for images, labels in self._batches(self.val_data, batches, "evaluation"):
                found = self.model(images).topk(top, axis=1)[1].numpy() == labels.numpy()[:, None]
                first += int(found[:, 0].sum())
                among += int(found.sum())
        return {"accuracy": first / count, "top5_accuracy": among / count}

    def _save(self, name: str) -> None:
        """Write a checkpoint, whole or not at all; `last` with all that resuming needs."""
        with atomic_folder(self.save_dir / name) as folder:
            paddle.save(self.model.state_dict(), str(folder / "model.pdparams"))
            if name == LAST:
                state = {
                    "optimizer": self.optimizer.state_dict(), "history": self.history, "identity": self._identity()
                }
                paddle.save(state, str(folder / "training.pdopt"))
            write_text(folder / "classes.txt", "".join(f"{each}\n" for each in self.train_data.classes))

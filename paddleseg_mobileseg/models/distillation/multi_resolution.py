"""Multi-resolution distillation of SeaFormer++ (arXiv:2301.13156, versions 4 and later; IJCV 2025)."""

import importlib
from typing import Any, Dict, List, Mapping, Sequence

from paddle import nn
from paddleseg.cvlibs import manager

from ...checkpoints.loading import check_state, tensor_shapes
from ...errors import InputError
from ..heads.upsample import exporting
from ..layers import resize
from .feature_upsampling import FeatureUpsampling
from .losses import feature_distance, output_divergence
from .networks import FrozenTeacher, probe, run_inside


@manager.MODELS.add_component
class MultiResolutionDistillation(nn.Layer):
    """A student that sees a reduced image learns from a teacher that sees the whole one.

    The paper's: teacher and student at two resolutions, a light module that lifts the student's feature to the
    teacher's resolution, a loss of four terms that adds likeness of outputs and of features to that of the
    segmentation, and a student that runs alone afterwards. The code of this part is not published.

    Ours: the weights and distances (see `output_divergence` and `feature_distance`); the feature that is compared,
    the one which the classifier reads; the layers of `FeatureUpsampling`; that the outputs are compared at the
    resolution of the teacher's logits, before any upsampling; and how we read the fourth term, which is off unless
    `cross_model_weight` is given: the teacher's classifier must find the labels in the student's lifted feature.

    In training the segmentation losses of the config (as many as the student has outputs) are followed by the
    weighted terms, through `loss_computation`, which PaddleSeg's training asks for the losses of a model. A term of
    weight 0 is not computed; with all at 0 this is plain training of the student on reduced images, and the
    teacher is not run and its checkpoint not read.

    In evaluation and prediction the image is reduced here and the logits are stretched back to its size, so that
    PaddleSeg's scores are of whole images. While exporting nothing is reduced: the exported network is the student
    alone, and its input shape is the reduced one (1 3 256 256 for a student at half of 512x512). Reducing is bilinear
    with half-pixel centres, as the runtimes of this project resize an image to a network's input.

    State dict and checkpoints hold the student and, for resuming, the upsampling module, never the teacher.

    Args:
        num_classes: classes of the logits of both networks.
        student: a `MobileSegmentor`, or PaddleSeg's TopFormer, LRASPP or MobileSeg.
        teacher: one of these too.
        teacher_checkpoint: the weights of the teacher under this plugin's or the published names; read at the first
            training step. A `pretrained` of the teacher itself would be lost on resuming.
        student_scale: height and width of the student's image over those of the whole one.
        output_weight: of the divergence of the outputs.
        feature_weight: of the distance of the features.
        temperature: of the divergence of the outputs.
        cross_model_weight: of the config's first segmentation loss on what the teacher's classifier says of the
            student's lifted feature. With this and `feature_weight` at 0 there is no upsampling module.
        in_channels: of the image; PaddleSeg fills it in.

    Raises:
        InputError: a number is out of its range, or the networks are not known here or have other classes.

    Shape:
        input [N, in_channels, H, W], float32; output in evaluation a list of logits [N, num_classes, H, W]; while
        exporting what the student gives; in training the student's outputs, and then the tensors that the further
        terms of the loss are made of.
    """

    def __init__(
        self,
        num_classes: int,
        student: nn.Layer,
        teacher: nn.Layer,
        teacher_checkpoint: str,
        student_scale: float = 0.5,
        output_weight: float = 1.0,
        feature_weight: float = 1.0,
        temperature: float = 1.0,
        cross_model_weight: float = 0.0,
        in_channels: int = 3,
    ):
        super().__init__()
        _check_numbers(student_scale, temperature)
        _check_weights(
            output_weight=output_weight, feature_weight=feature_weight, cross_model_weight=cross_model_weight
        )
        insides = {role: probe(network, in_channels) for role, network in (("student", student), ("teacher", teacher))}
        for role, inside in insides.items():
            classes = inside.logits.shape[1]
            if classes != num_classes:
                raise InputError(
                    f"MultiResolutionDistillation: the {role} has {classes} classes and not {num_classes}; "
                    f"set num_classes: {num_classes} for all three"
                )
        self.num_classes = num_classes
        self.student = student
        self.student_scale = student_scale
        self.output_weight = output_weight
        self.feature_weight = feature_weight
        self.temperature = temperature
        self.cross_model_weight = cross_model_weight
        self.feature_upsampling = None
        if feature_weight > 0 or cross_model_weight > 0:
            channels = [insides[role].feature.shape[1] for role in ("student", "teacher")]
            self.feature_upsampling = FeatureUpsampling(*channels)
        self.teacher = FrozenTeacher(teacher, teacher_checkpoint)
        self._shapes = tensor_shapes(self)

    @property
    def distils(self) -> bool:
        """Whether the teacher has a say."""
        return self.output_weight > 0 or self.feature_upsampling is not None

    @property
    def upsample(self):
        """The student's upsampling, which decides whether an exported student gives labels; None if it has none."""
        return getattr(self.student, "upsample", None)

    def set_state_dict(self, state_dict: Mapping[str, Any], use_structured_name: bool = True):
        """As Paddle's, but nothing may be missing, left over or of another shape.

        Raises:
            InputError: the tensors are not exactly those of this model, teacher excepted.
        """
        if use_structured_name:
            check_state(self, self._shapes, state_dict)
        return super().set_state_dict(state_dict, use_structured_name)

    set_dict = load_dict = set_state_dict

    def reduced_size(self, size: Sequence[int]) -> List[int]:
        """Height and width of the student's image for those of a whole one."""
        return [max(1, round(side * self.student_scale)) for side in size]

    def forward(self, x):
        if not self.training and exporting():
            return self.student(x)
        size = x.shape[2:]
        reduced = resize(x, self.reduced_size(size))
        if not self.training or not self.distils:
            return [resize(logits, size) for logits in self.student(reduced)]
        student, teacher = run_inside(self.student, reduced), self.teacher(x)
        compared = []
        if self.output_weight > 0:
            compared += [student.logits, teacher.logits]
        if self.feature_upsampling is not None:
            lifted = self.feature_upsampling(student.feature, teacher.feature.shape[2:])
            if self.feature_weight > 0:
                compared += [lifted, teacher.feature]
            if self.cross_model_weight > 0:
                compared.append(resize(self.teacher.classify(lifted), size))
        return [resize(logits, size) for logits in student.outputs] + compared

    def loss_computation(
        self, logits_list: Sequence[Any], losses: Dict[str, Any], data: Mapping[str, Any]
    ) -> List[Any]:
        """The losses of one iteration, which PaddleSeg adds up.

        Args:
            logits_list: what `forward` gave in training.
            losses: PaddleSeg's: `types` and `coef` of the losses of the config.
            data: the batch: "label", and "edge" where a loss wants it.

        Returns:
            The losses of the config, then the weighted divergence, distance and cross-model loss, those of them
            that are wanted.
        """
        compared = 2 * (self.output_weight > 0) + 2 * (self.feature_weight > 0) + (self.cross_model_weight > 0)
        count = len(logits_list) - compared
        outputs, compared = list(logits_list[:count]), list(logits_list[count:])
        labels, edges = (data[key].astype("int64") if key in data else None for key in ("label", "edge"))
        segmentation = importlib.import_module("paddleseg.core.train").loss_computation
        terms = segmentation(logits_list=outputs, labels=labels, edges=edges, losses=losses)
        if self.output_weight > 0:
            terms.append(self.output_weight * output_divergence(compared.pop(0), compared.pop(0), self.temperature))
        if self.feature_weight > 0:
            terms.append(self.feature_weight * feature_distance(compared.pop(0), compared.pop(0)))
        if self.cross_model_weight > 0:
            first = {"types": losses["types"][:1], "coef": [self.cross_model_weight]}
            terms += segmentation(logits_list=compared, labels=labels, edges=edges, losses=first)
        return terms


def _check_numbers(student_scale: float, temperature: float) -> None:
    for name, value, fits, expected in (
        ("student_scale", student_scale, 0 < student_scale <= 1, "above 0 and at most 1"),
        ("temperature", temperature, temperature > 0, "above 0"),
    ):
        if not fits:
            raise InputError(f"MultiResolutionDistillation: {name} is a number {expected}, not {value}")


def _check_weights(**weights: float) -> None:
    for name, value in weights.items():
        if value < 0:
            raise InputError(f"MultiResolutionDistillation: {name} is a number of at least 0, not {value}")

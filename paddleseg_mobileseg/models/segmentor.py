"""Backbone, neck, head and upsampling put together into a PaddleSeg model."""

from typing import Any, Mapping, Optional

from paddle import nn
from paddleseg.cvlibs import manager

from ..checkpoints.loading import check_state, load_weights, tensor_shapes
from ..errors import InputError
from .heads import Bilinear, SegHead


@manager.MODELS.add_component
class MobileSegmentor(nn.Layer):
    """A mobile segmentation network that sizes itself from what its backbone gives.

    Args:
        num_classes: classes of the logits.
        backbone: a layer whose features' channels are in `feat_channels`.
        neck: fuses the backbone's features into one; None takes the backbone's last feature.
        head: from the fused feature to logits; a `SegHead` by default.
        upsample: from low-resolution logits to the image's size; `Bilinear` by default.
        pretrained: a checkpoint of this whole model, under this plugin's or the published names.
        pretrained_classifier: False keeps the classifier as initialised, to start from a checkpoint
            with other classes.

    Raises:
        InputError: the parts do not fit together, or the checkpoint does not fit them.

    Shape:
        input [N, 3, H, W], float32; output a list of one: logits [N, num_classes, H, W], or whatever
        the upsampling gives while exporting. H and W may be any size from 32 up.
    """

    def __init__(
        self,
        num_classes: int,
        backbone: nn.Layer,
        neck: Optional[nn.Layer] = None,
        head: Optional[nn.Layer] = None,
        upsample: Optional[nn.Layer] = None,
        pretrained: Optional[str] = None,
        pretrained_classifier: bool = True,
    ):
        super().__init__()
        if not hasattr(backbone, "feat_channels"):
            raise InputError(
                f"MobileSegmentor: backbone {type(backbone).__name__} has no feat_channels; "
                "choose a segmentation backbone such as StrideFormer_Tiny"
            )
        self.num_classes = num_classes
        self.backbone = backbone
        self.neck = neck
        self.head = head if head is not None else SegHead()
        self.upsample = upsample if upsample is not None else Bilinear()
        channels = neck.build(backbone.feat_channels) if neck is not None else backbone.feat_channels[-1]
        self.head.build(channels, num_classes)
        # Walking through the layers for them takes milliseconds, and a moving average sets its state every iteration.
        self._shapes = tensor_shapes(self)
        if pretrained is not None:
            load_weights(self, pretrained, classifier=pretrained_classifier)

    def set_state_dict(self, state_dict: Mapping[str, Any], use_structured_name: bool = True):
        """As Paddle's, but nothing may be missing, left over or of another shape, where Paddle only warns.

        PaddleSeg's export script loads its checkpoint this way.

        Raises:
            InputError: the tensors are not exactly this model's.
        """
        if use_structured_name:
            check_state(self, self._shapes, state_dict)
        return super().set_state_dict(state_dict, use_structured_name)

    set_dict = load_dict = set_state_dict

    def logits(self, x):
        """Low-resolution logits, before any upsampling: [N, num_classes, H / stride, W / stride]."""
        features = self.backbone(x)
        return self.head(self.neck(features) if self.neck is not None else features[-1])

    def forward(self, x):
        return [self.upsample(self.logits(x), x.shape[2:])]

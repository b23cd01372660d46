"""The networks: built by hand or torchvision's, with the weights that a person chose to begin with."""

from lrlab.training.models.building import build_model, check_batch
from lrlab.training.models.pretrained import ensure_weights, freeze
from lrlab.training.models.registry import NETWORKS, Network, within
from lrlab.training.models.small_cnn import SmallCNN

__all__ = ["NETWORKS", "Network", "SmallCNN", "build_model", "check_batch", "ensure_weights", "freeze", "within"]

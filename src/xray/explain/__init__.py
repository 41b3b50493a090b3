"""Heat maps of what moved a model's logit (Grad-CAM and occlusion)."""

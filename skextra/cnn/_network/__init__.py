"""Network: from the parameters and the shape of the images to logits for any weights."""

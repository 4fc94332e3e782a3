"""Images a second in training: this plugin's PP-MobileSeg beside PaddleSeg's own, same weights, same batch."""

"""Multilingual encoders on disk: the embedded one, the hub's, a folder's; pruned vocabularies."""

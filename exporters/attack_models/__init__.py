"""Models that an attack asks: for words, and for how alike two texts are."""

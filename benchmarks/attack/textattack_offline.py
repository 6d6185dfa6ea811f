"""Imports TextAttack with no download, nothing left in the user's home, and the process as it was; a deployment for it.

Importing TextAttack (0.3.11) runs NLTK's downloader unless its marker file exists, reads NLTK's stop
words, points the caches of Hugging Face and others into its own folder through the environment, and
resets the logging of the process. The stop words it reads are only those of its augmenters, which are
not used here; the attack is given its own.

Import it from here: ``from benchmarks.attack.textattack_offline import textattack``.
The first import takes 5 to 10 s and some 600 MB.
"""

from __future__ import annotations

import logging
import logging.config
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.probabilities import Predict, checked_probabilities
from benchmarks.attack.words import stop_words


@contextmanager
def _private_folders() -> Iterator[None]:
    # Read their environment when they are imported, so they come before it is changed.
    import nltk
    import transformers  # noqa: F401

    with tempfile.TemporaryDirectory(prefix="scalemodel-textattack-") as name:
        folder = Path(name)
        words = folder / "corpora" / "stopwords" / "english"
        words.parent.mkdir(parents=True)
        words.write_text("\n".join(sorted(stop_words())), encoding="utf-8")
        (folder / "post_install_check_3").touch()
        private = {
            "TA_CACHE_DIR": name,
            "FLAIR_CACHE_ROOT": name,
            "MPLCONFIGDIR": name,
            "HF_HUB_OFFLINE": "1",
        }
        nltk.data.path.insert(0, name)
        try:
            # dictConfig would disable the loggers and drop the handlers that the process has already.
            with mock.patch.dict(os.environ, private), mock.patch.object(logging.config, "dictConfig"):
                yield
        finally:
            nltk.data.path.remove(name)


def _import_textattack() -> Any:
    with _private_folders():
        import textattack
    # It tells of every goal function that is made.
    textattack.shared.logger.setLevel(logging.ERROR)
    logging.getLogger("jieba").setLevel(logging.ERROR)
    return textattack


textattack: Any = _import_textattack()


class ProbabilityWrapper(textattack.models.wrappers.ModelWrapper):  # type: ignore[misc]
    """A deployment as TextAttack calls it; rows are made to sum to 1 within its tolerance of 1e-6.

    Rows that do not are put through softmax by TextAttack, which distorts probabilities that were
    computed in lower precision.
    """

    def __init__(self, predict: Predict) -> None:
        self.model = predict

    def __call__(self, text_input_list: Sequence[str], **_: Any) -> NDArray[np.float64]:
        return checked_probabilities(self.model, text_input_list)

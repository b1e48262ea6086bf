"""Texts as numbers: how often each word, and each short run of words, stands in a text.

    value of a term in a text = log(1 + count) / norm of these over all terms of that text                     (1)

(1) depends on the text alone, whatever terms others hold; which terms count, and how much, the training rows decide.

Axes    U distinct texts, V terms
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer

TOKEN = r"(?u)\w+|[^\w\s]"
"""Words, numbers and single marks: an exclamation mark says something, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Values (1) of all terms, shape `(U, V)`, float32, and the terms, ascending."""

    values: csr_array
    terms: tuple[str, ...]

    @property
    def presence(self) -> csr_array:
        """1 where a text holds a term. Shape `(U, V)`."""
        return csr_array((np.ones(self.values.nnz), self.values.indices, self.values.indptr), shape=self.values.shape)


def count_words(texts: Sequence[str], *, max_ngram: int) -> Words:
    """Return the values of the terms of `texts`.

    Args:
        texts: distinct texts.
        max_ngram: words of the longest runs that are terms.
    """
    vectorizer = CountVectorizer(token_pattern=TOKEN, ngram_range=(1, max_ngram), dtype=np.float64)
    try:
        counts = csr_array(vectorizer.fit_transform(texts))
    except ValueError:  # no text holds a word
        return Words(values=csr_array((len(texts), 0), dtype=np.float32), terms=())
    counts.sort_indices()
    counts.data = np.log1p(counts.data)
    norms = np.sqrt(np.asarray((counts * counts).sum(axis=1)))
    counts.data /= np.repeat(norms, np.diff(counts.indptr))
    return Words(values=counts.astype(np.float32), terms=tuple(vectorizer.get_feature_names_out().tolist()))

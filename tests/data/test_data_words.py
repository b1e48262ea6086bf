"""Texts as numbers."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

from tuner.data.words import TOKEN, count_words

TEXTS = ["Free entry! Free prizes", "are you free at 5", "", "!!", "über 5 prizes", "you you you"]


@pytest.mark.parametrize("max_ngram", [1, 2, 3])
def test_values_are_logarithms_of_counts_of_length_1(max_ngram):
    words = count_words(TEXTS, max_ngram=max_ngram)
    vectorizer = CountVectorizer(token_pattern=TOKEN, ngram_range=(1, max_ngram))
    expected = normalize(np.log1p(vectorizer.fit_transform(TEXTS).toarray()))
    assert words.terms == tuple(vectorizer.get_feature_names_out())
    assert words.values.dtype == np.float32
    np.testing.assert_allclose(words.values.toarray(), expected, rtol=1e-6)


def test_words_are_told_apart_from_marks_and_not_by_case():
    assert count_words(TEXTS[:1], max_ngram=1).terms == ("!", "entry", "free", "prizes")
    assert count_words(["a b"], max_ngram=2).terms == ("a", "a b", "b")


def test_presence_says_which_text_holds_which_term():
    words = count_words(["a a", "b", "a b"], max_ngram=1)
    assert words.presence.toarray().tolist() == [[1, 0], [0, 1], [1, 1]]


@pytest.mark.parametrize("texts", [[], [""], ["", "  "]])
def test_texts_without_a_word_have_no_term(texts):
    words = count_words(texts, max_ngram=2)
    assert words.terms == ()
    assert words.values.shape == words.presence.shape == (len(texts), 0)


def test_values_of_a_text_are_the_same_to_the_bit_among_any_others():
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{word}" for word in rng.integers(0, 300, 40)) for _ in range(60)]
    whole = count_words(texts, max_ngram=2)
    for own in (texts[:1], texts[20:40], texts[::-1]):
        part = count_words(own, max_ngram=2)
        places = [whole.terms.index(term) for term in part.terms]
        rows = [texts.index(text) for text in own]
        np.testing.assert_array_equal(part.values.toarray(), whole.values.toarray()[np.ix_(rows, places)])

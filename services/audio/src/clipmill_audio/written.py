"""The words of a part as its analysis has them."""

from __future__ import annotations

from collections.abc import Sequence

from clipmill.audio.v1.audio_pb2 import Word
from clipmill_audio.domain.sentences import sentence_ends
from clipmill_audio.domain.timed import HeardWord


def ending_sentences(words: Sequence[HeardWord]) -> list[bool]:
    """Of each word whether a sentence ends with it: by its punctuation, where the line was not cut in speech."""
    ends = sentence_ends([word.text for word in words])
    return [end and not word.cut_after for word, end in zip(words, ends, strict=True)]


def written(words: Sequence[HeardWord], ends: Sequence[bool], sure: Sequence[float | None]) -> list[Word]:
    """The words; `ends` says with which of them a sentence ends, `sure` how sure that is, None where nobody knows."""
    return [
        Word(
            text=word.text,
            start_s=word.start_s,
            end_s=word.end_s,
            timing=Word.TIMING_ALIGNED if word.aligned else Word.TIMING_INTERPOLATED,
            ends_sentence=end,
            confidence=word.confidence,
            end_confidence=certainty,
        )
        for word, end, certainty in zip(words, ends, sure, strict=True)
    ]

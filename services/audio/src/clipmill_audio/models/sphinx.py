"""Word times: forced alignment of a known text by PocketSphinx, with the US English model in its package."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder

from clipmill_audio.domain.pronunciation import sounds, spoken
from clipmill_audio.domain.timed import Span

FRAMES_PER_S = 100
# Wide beams: the text is given, so nothing is gained by giving up early, and the last words are lost if it does.
_BEAM = 1e-200


class Aligner:
    """Finds each word of a text in the sound that it was recognised from."""

    def __init__(self) -> None:
        self._decoder = Decoder(
            samprate=16_000,
            bestpath=False,
            beam=_BEAM,
            wbeam=_BEAM,
            pbeam=_BEAM,
            lm=None,
            loglevel="FATAL",
        )
        self._added: set[str] = set()

    def knows(self, word: str) -> bool:
        """True when the English dictionary has the (lower-case) word."""
        return word not in self._added and self._decoder.lookup_word(word) is not None

    def sounds(self, text: str) -> list[str]:
        """How a written word is said (ARPAbet), by the dictionary or else by a guess from its letters."""
        said: list[str] = []
        for word in spoken(text, self.knows):
            said += (self._decoder.lookup_word(word) or sounds(word)).split()
        return said

    def align(self, texts: Sequence[str], samples: NDArray[np.int16]) -> list[Span | None]:
        """Each text's place in `samples` (16 kHz), in seconds from the first; None where it was not found."""
        said = [[word for word in spoken(text, self.knows) if self._can_say(word)] for text in texts]
        places = self._places([word for words in said for word in words], samples)
        if places is None:
            return [None] * len(texts)
        found: list[Span | None] = []
        for words in said:
            mine, places = places[: len(words)], places[len(words) :]
            found.append(Span(mine[0].start_s, mine[-1].end_s) if mine else None)
        return found

    def _can_say(self, word: str) -> bool:
        if self._decoder.lookup_word(word) is None:
            guess = sounds(word)
            if not guess:
                return False
            self._decoder.add_word(word, guess, True)
            self._added.add(word)
        return True

    def _places(self, words: Sequence[str], samples: NDArray[np.int16]) -> list[Span] | None:
        """The words' places, or None when the text does not fit into the sound."""
        if not words:
            return []
        decoder = self._decoder
        decoder.set_align_text(" ".join(words))
        # Forget the noise of the sound before, or the same line is not always found at the same times.
        decoder.start_stream()
        decoder.start_utt()
        decoder.process_raw(samples.tobytes(), full_utt=True)
        decoder.end_utt()
        if decoder.hyp() is None:
            return None
        places = [
            Span(segment.start_frame / FRAMES_PER_S, (segment.end_frame + 1) / FRAMES_PER_S)
            for segment in decoder.seg()
            if segment.word[0] not in "<[+("
        ]
        return places if len(places) == len(words) else None

"""What a clip is about, against the rest of its video."""

from clipmill_scoring.domain.keywords import Keywords, hashtags
from clipmill_scoring.domain.words import read

TALK = read(
    "Why does the other line always move faster? Last week I stood in a supermarket in New York with six lines and one "
    "carton of milk. I chose the shortest line, and of course I lost. A man called Agner Erlang asked the same thing "
    "at the Copenhagen Telephone Company in 1909. He counted telephone calls, and he found that calls come at random. "
    "So a queue grows even where there are enough operators. Erlang's formula tells you how many operators you need. "
    "My grandmother worked as an operator in Copenhagen, and I'm proud of her. Now think of a bank. The bank has one "
    "snake of people and five tellers. One snake is fair. It is also quicker, as no teller is idle while we wait. "
    "Supermarkets know that, but a snake needs space, and it looks long."
)


def about(first: str, last: str) -> tuple[str, ...]:
    texts = [word.text for word in TALK]
    return Keywords(TALK, "en").of((texts.index(first), texts.index(last) + 1))


def test_keywords_are_what_the_clip_says_often_and_the_rest_seldom():
    assert about("Now", "long.")[:3] == ("snake", "bank", "tellers")


def test_names_are_kept_whole_and_count_when_they_are_said_once():
    names = about("Last", "1909.")

    assert {"New York", "Agner Erlang", "Copenhagen Telephone Company"} <= set(names)


def test_one_and_many_of_a_thing_are_one_keyword_shown_as_it_is_said_most():
    said = about("So", "her.")

    assert said[0] == "operators"
    assert "operator" not in said


def test_small_words_the_speaker_and_words_said_only_once_are_none():
    assert {"other", "last", "i'm", "carton", "course", "proud"}.isdisjoint(w.lower() for w in about("Why", "her."))


def test_a_word_at_the_beginning_of_quoted_speech_is_no_name():
    words = read('She said, "Wait, I mean Paris." And we had to wait.')

    assert Keywords(words, "en").of((0, len(words))) == ("wait", "Paris")


def test_a_name_may_begin_with_a_word_that_is_also_written_small():
    words = read("He had a new idea. So he went to New York.")

    assert Keywords(words, "en").of((0, len(words))) == ("New York",)


def test_hashtags_are_words_written_together():
    assert hashtags(("New York", "snake", "Erlang's", "1909", "New york")) == ("#NewYork", "#Snake", "#Erlangs")


def test_words_of_other_languages_serve_where_they_are_not_everywhere():
    german = read(
        "Die Schlange war nicht lang. Eine Schlange muss nicht warten. Die Bank hatte nicht offen. Das wusste niemand. "
        "Man kann nicht alles haben. Das ist nicht neu. Wir gehen. Sie fragt. Er lacht. Es regnet. Wir fahren. Ende."
    )

    assert Keywords(german, "de").of((0, 10)) == ("schlange",)
    assert not Keywords(read("队伍 很 长。 队伍 很 长。"), "zh").of((0, 6))


def test_a_clip_without_words_has_no_keywords():
    assert Keywords((), "").of((0, 0)) == ()


def test_what_compares_is_no_keyword():
    said = read("The faster line is the fastest line. A longer line looks faster.")
    assert Keywords(said, "en").of((0, len(said))) == ("line",)


def test_a_small_word_that_is_written_large_is_no_name():
    said = read("You know, these are very nice, Does it please you? When you wait, Look behind you in Boston.")
    assert Keywords(said, "en").of((0, len(said))) == ("Boston",)

"""Made by benchmarks/fit_endings.py of speeches in the public domain: what words say of an end."""

# The sum without any sign.
BIAS = -0.0
# The bias, and the weights of that sum, of the pause beside the usual one, and beside the longest one near.
CERTAINTY = (1.03, 0.53, 0.81, 0.53)
_TABLE = """
-0.11_clause_-|-0.4_clause_-ed|-0.69_clause_-er|-0.39_clause_-ing|0.08_clause_-ment|0.23_clause_-y
0.42_clause_5|0.08_clause_8|-0.81_clause_after|-0.27_clause_although|0.04_clause_and|-2.11_clause_as
-0.98_clause_at|2.9_clause_audience|-0.62_clause_because|0.07_clause_but|-1.12_clause_by|-0.21_clause_despite
-0.61_clause_even|-0.07_clause_first|-1_clause_for|-0.15_clause_from|0.49_clause_he|-0.16_clause_i
-2.64_clause_if|-1.35_clause_in|0.28_clause_is|0.01_clause_it|0.17_clause_it's|-1.68_clause_length_1
0.49_clause_length_16|-1.06_clause_length_2|-0.55_clause_length_3|0.6_clause_length_30|-0.17_clause_length_5
0.15_clause_length_9|-0.73_clause_like|-0.01_clause_of|-0.82_clause_on|0.23_clause_our|0.38_clause_s
-0.43_clause_since|-0.17_clause_so|0.24_clause_some|-0.04_clause_that|0.15_clause_that's|-0.07_clause_the
0.1_clause_they|-0.04_clause_this|-0.4_clause_through|-0.74_clause_to|-0.01_clause_until|-0.09_clause_verbs_00
-0.08_clause_verbs_01|0.04_clause_verbs_10|0.09_clause_we're|-2.39_clause_when|-0.27_clause_where
-0.07_clause_which|-1.47_clause_while|-1.09_clause_with|-0.21_commas_0|-0.13_commas_1|0.17_commas_3
0.24_first_-al|-0.37_first_-ed|-0.17_first_-er|-0.17_first_-ing|-0.04_first_-ly|0.18_first_-s|0.4_first_-tion
-0.01_first_-y|0.14_first_3|0.5_first_4|0.31_first_5|0.17_first_a|0.16_first_all|-0.67_first_although
0.01_first_america|-0.61_first_and|0.01_first_and_i|-0.26_first_and_if|-0.3_first_as|-0.1_first_at
0.47_first_audience|-0.72_first_because|-0.41_first_but|-0.66_first_but_if|-0.17_first_by|-0.08_first_even
-0.07_first_for|-0.35_first_from|-0.19_first_i|-0.09_first_i_am|-0.45_first_if|-0.22_first_in|-0.03_first_it
-0.17_first_it_is|-0.04_first_just|-0.22_first_now|-0.21_first_on|0.18_first_one|4.28_first_s
-0.05_first_second|-0.16_first_since|0.3_first_thank|1.12_first_thank_you|-0.23_first_that's_why|0.02_first_the
3.8_first_the_president|-0.6_first_therefore|-0.14_first_they|-0.38_first_this|0.05_first_this_is
-0.04_first_thus|-0.6_first_to|-0.05_first_tonight|-0.04_first_we|-0.05_first_we_can|-0.21_first_we_will
0.03_first_we're|-0.39_first_when|-0.31_first_while|-0.21_first_with|-0.57_first_•|0.59_last_$1|-0.73_last_,
-0.02_last_-|-0.39_last_-al|-0.14_last_-ing|-0.25_last_-ly|0.15_last_-ment|0.12_last_-s|0.14_last_-tion
4.59_last_.|3.25_last_......|0.92_last_1|0.31_last_2|-1.24_last_a|-0.04_last_ago|-0.13_last_all
0.3_last_america|-0.07_last_an|-3.13_last_and|-0.33_last_are|-1.1_last_as|-0.35_last_at|-0.19_last_be
-1.26_last_by|1.5_last_c|0.14_last_children|-0.33_last_congress|0.18_last_country|0.24_last_dollars
0.15_last_down|1.03_last_earth|-1.65_last_for|-0.56_last_from|0.05_last_future|-0.34_last_has|-0.97_last_have
0.55_last_history|-2.05_last_in|-1.18_last_is|0.81_last_it|-0.41_last_know|0.34_last_life|-0.05_last_must
0.13_last_nation|-0.46_last_new|-0.52_last_not|-3.31_last_of|-0.66_last_on|-0.48_last_or|-1.89_last_our
0.16_last_peace|0.07_last_president|-0.43_last_said|-0.34_last_say|-0.4_last_than|-1.28_last_that
-3.16_last_the|-0.57_last_their|0.86_last_them|0.05_last_there|-0.1_last_they|-0.88_last_this|-2.65_last_to
2.4_last_u|0.14_last_up|-0.54_last_we|-0.15_last_what|-2_last_which|-0.41_last_who|-0.78_last_will
-0.66_last_with|0.28_last_world|0.4_left_length_1|0.41_left_length_16|-0.06_left_length_3|-0.3_left_length_30
-0.93_left_length_9|3.24_next_"|0.12_next_-|-1.3_next_-ed|0.48_next_-er|-0.86_next_-ing|-0.14_next_-s
-0.14_next_-tion|0.17_next_-y|0.41_next_1|0.48_next_1_-|1.84_next_2_-|1.55_next_3|0.88_next_3_-|2.85_next_4_-
3.2_next_5_-|0.72_next_6_-|0.63_next_7_-|1.76_next_8_-|-0.14_next_a|0.54_next_after_verb_at_6
0.12_next_america_verb_at_1|-0.67_next_an|-0.56_next_and|0.16_next_and_-|-0.54_next_and_-ed|0.2_next_and_as
0.49_next_and_i|0.72_next_and_if|0.31_next_and_in|-0.49_next_and_the|-0.83_next_and_to|-0.29_next_and_verb_at_1
-0.05_next_and_verb_at_2|0.02_next_and_verb_at_3|0.05_next_and_we|-0.36_next_are|-0.78_next_are_verb_at_0
0.41_next_as_a|-0.21_next_as_verb_at_2|0.26_next_at|-0.45_next_be|-0.46_next_be_verb_at_0|-0.1_next_because
-0.22_next_because_verb_at_2|0.68_next_but|-0.44_next_but_also|0.27_next_but_the|-0.06_next_but_verb_at_1
0.07_next_but_verb_at_3|-0.11_next_can|-0.26_next_can_verb_at_0|1.66_next_during|0.14_next_for
0.01_next_for_verb_at_6|-0.25_next_has|-1.08_next_have|-0.01_next_have_verb_at_0|0.68_next_he|0.42_next_i
0.57_next_i_-|-0.2_next_i_-ed|0.12_next_i_urge|1.17_next_i_verb_at_6|0.07_next_i'm|1.06_next_i'm_verb_at_0
0.28_next_i've|0.62_next_i've_verb_at_0|0.67_next_if|0.04_next_if_-|0.47_next_in|0.27_next_in_-tion
0.51_next_in_addition|-0.5_next_in_verb_at_2|0.09_next_in_verb_at_5|-0.62_next_including|0.67_next_indeed
0.77_next_indeed_verb_at_0|0.09_next_inflation|-0.51_next_is|-1.1_next_is_verb_at_0|1.36_next_it
0.34_next_it_-s|0.06_next_it_is|0.51_next_it_verb_at_6|1.98_next_it's|0.26_next_it's_verb_at_0|1.64_next_last
0.49_next_let|0.87_next_let_verb_at_0|1.7_next_let's|0.28_next_let's_verb_at_0|0.88_next_many|-0.15_next_more
0.15_next_most|-0.08_next_must|-0.01_next_must_verb_at_0|0.68_next_my|0.69_next_no|0.22_next_no_-
-0.64_next_not|0.25_next_now|0.92_next_now_-|0.09_next_now_verb_at_2|-1.97_next_of|0.3_next_one|-1.87_next_or
0.62_next_our|0.06_next_our_-|0.12_next_our_verb_at_2|1.7_next_s|0.51_next_s_verb_at_6|0.26_next_she
0.25_next_since|0.4_next_so|0.08_next_so_-|-1.47_next_so_that|0.62_next_some|-0.17_next_than
2.91_next_thank_you|-0.38_next_that|-0.04_next_that_-|1.5_next_that_is|0.2_next_that_verb_at_1|2.25_next_that's
0.67_next_that's_verb_at_0|0.48_next_the|0.25_next_the_verb_at_2|0.05_next_the_verb_at_3|0.76_next_there
1.47_next_these|1.28_next_they|0.75_next_they_verb_at_6|-0.21_next_they_will|1.08_next_they're
0.51_next_they're_verb_at_0|2.12_next_this|0.09_next_this_verb_at_1|-0.79_next_to|-0.44_next_to_-
-0.2_next_to_verb_at_1|1.45_next_today|0.07_next_tonight|1.07_next_tonight_-|1.05_next_we|0.16_next_we_have
0.56_next_we_verb_at_6|0.21_next_we'll|0.14_next_we'll_verb_at_0|0.85_next_we're|0.61_next_we're_verb_at_0
0.27_next_we've|0.92_next_we've_verb_at_0|0.24_next_well|0.03_next_when|-0.61_next_where|-3.1_next_which
-1.55_next_who|-0.12_next_will|-1.21_next_will_verb_at_0|-0.06_next_with|-0.13_next_would_verb_at_0
0.87_next_yet|0.19_next_you|-0.15_right_clause_length_1|-0.11_right_clause_length_2|-0.02_right_clause_length_3
0.02_right_clause_length_30|0.04_right_clause_length_5|0.06_right_clause_length_9|0.06_right_length_1
0.01_right_length_16|-0.2_right_length_2|-0.4_right_length_3|0.33_right_length_30|-0.58_right_length_5
-0.47_right_length_9|-0.49_verb_at_0|0.21_verb_at_1|0.16_verb_at_2|-0.03_verb_at_4|-0.41_verb_at_6
-1.26_verbs_01|-1.58_verbs_10|0.23_verbs_11
"""
_ENTRIES = (entry.split(" ", 1) for line in _TABLE.split() for entry in line.replace("_", " ").split("|"))
WEIGHTS = {sign: float(weight) for weight, sign in _ENTRIES}

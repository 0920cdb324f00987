"""The meaning of label words: malignant, benign, or not known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from mammo.data.manifest.columns.headers import header_key
from mammo.data.manifest.options import ManifestOptions
from mammo.data.manifest.words.words import BELOW_ZERO, is_missing, word_key
from mammo.errors import MammoError

PATHOLOGIES = ("BENIGN_WITHOUT_CALLBACK", "BENIGN", "MALIGNANT")
"""From the least to the most serious: an image takes the most serious pathology of its findings."""
MALIGNANT = {"malignant", "malign", "malignancy", "cancer", "carcinoma", "maligno", "maligne"}
BENIGN = {"benign", "benigno", "benigne", "normal", "norm", "healthy", "no cancer", "non cancer", "not malignant"}
BENIGN |= {"benign or normal", "normal or benign", "non malignant", "no malignancy", "no finding", "no findings"}
CODES = {"MALIGNANT": {"m", "positive", "pos", "1", "true", "t", "yes", "y"}}
CODES |= {"BENIGN": {"b", "n", "negative", "neg", "0", "false", "f", "no"}}
"""Words that mean malignant or benign only where the user names no words for them: `1` may also be a grade."""
NOT_KNOWN = {"unproven", "uncertain", "indeterminate", "inconclusive", "equivocal", "no biopsy", "not performed"}
NOT_KNOWN |= {"no result", "no results", "insufficient", "insufficient sample", "not diagnostic", "nondiagnostic"}
NOT_KNOWN |= {"no label", "unlabeled", "unlabelled", "not labeled", "not labelled", "ungraded", "unclassified"}
"""Words for an unknown label, in addition to those of `words.MISSING`: they never count as benign by themselves."""
DISEASE = re.compile(r"malig|cancer|carcin|\bdcis\b|\bidc\b|\bilc\b|invasive|in situ|tumou?r|neoplas|sarcoma|lymphoma")
"""Matches a word of the user that names a malignancy."""
ABOUT_DISEASE = {"label", "labels", "pathology", "diagnosis", "cancer", "malignant", "malignancy", "biopsyresult"}
ABOUT_DISEASE |= {"classification", "class", "target", "severity", "iscancer", "ismalignant", "groundtruth", "outcome"}
"""Columns whose codes, such as 1 or M, mean malignancy when a user names them positive."""
ODD_CELLS = 0.1
"""Up to this share of a column's numbers (and always one) count as typing errors; then 0 and 1 are labels."""
OTHER = "other"
LISTED = 12
"""The number of words that a note lists."""


@dataclass(frozen=True)
class LabelWords:
    """The meaning of each label word of a file.

    `pathology` maps a word to MALIGNANT, BENIGN or BENIGN_WITHOUT_CALLBACK; `refused` maps every other word to the
    reason; `dropped` holds the words that the user leaves out. `classes` names the two classes where they are not
    malignant and benign.
    """

    pathology: dict[str, str]
    refused: dict[str, str]
    dropped: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)
    classes: dict[str, str] | None = None


def read_labels(counts: Mapping[str, int], column: str, options: ManifestOptions, file: str) -> LabelWords:
    """Return the meaning of a file's label words; `counts` holds how often each word occurs.

    Words that the user names come first; case does not count and `*` stands for any letters. Then come the usual words
    for malignant and benign, unless the user names both. Where the user names `positive` words alone, all other words
    are benign, except those for an unknown label. Raises MammoError where a word of the user does not occur or stands
    in two lists.
    """
    user_words = _user_words(counts, column, options, file)
    usual_words = _usual_words(counts, options)
    words = LabelWords({}, {}, frozenset(word for word, answer in user_words.items() if answer == "drop"))
    for word in counts:
        answer = user_words.get(word) or usual_words.get(word_key(word))
        if answer == "drop":
            words.refused[word] = f"the {column} {word!r} is left out, as --drop asks"
        elif answer in PATHOLOGIES:
            words.pathology[word] = answer
        elif _unknown(word):
            words.refused[word] = (
                f"the {column} {word!r} says that it is not known" if word else f"the {column} is empty"
            )
        elif options.positive and not options.negative:
            words.pathology[word] = "BENIGN"
        else:
            flags = "--positive, --negative or --drop"
            words.refused[word] = f"the {column} {word!r} does not say whether it is malignant (name it with {flags})"
    classes = _classes(words, column, options)
    words.notes.extend(_notes(words, counts, user_words, column, classes))
    return LabelWords(words.pathology, words.refused, words.dropped, words.notes, classes)


def _user_words(counts: Mapping[str, int], column: str, options: ManifestOptions, file: str) -> dict[str, str]:
    """Map words of the file to the list in which the user names them: as written, or else in any case."""
    lists = {"MALIGNANT": options.positive, "BENIGN": options.negative, "drop": options.drop}
    answers: dict[str, str] = {}
    matched = set()
    for exact in (True, False):
        matches: dict[str, set[str]] = {}
        for meaning, listed in lists.items():
            for user_word in listed:
                for word in counts:
                    if word not in answers and (word == user_word if exact else _is_same(word, user_word)):
                        matches.setdefault(word, set()).add(meaning)
                        matched.add(user_word)
                    elif word in answers and answers[word] == meaning and _is_same(word, user_word):
                        matched.add(user_word)
        for word, meanings in matches.items():
            if len(meanings) > 1:
                raise MammoError(f"The {column} {word!r} is named twice: as {' and as '.join(sorted(meanings))}.")
            answers[word] = meanings.pop()
    if unmatched := [user_word for listed in lists.values() for user_word in listed if user_word not in matched]:
        labels = ", ".join(sorted(_short(word) for word in counts if word)[:LISTED])
        raise MammoError(f"No row of {file} has the {column} {unmatched[0]!r}; its labels are: {labels}.")
    return answers


def _is_same(word: str, user_word: str) -> bool:
    return (
        fnmatchcase(word_key(word), word_key(user_word)) if "*" in user_word else word_key(word) == word_key(user_word)
    )


def _usual_words(counts: Mapping[str, int], options: ManifestOptions) -> dict[str, str]:
    """Map the keys of usual words to their meaning; empty where the user names malignant and benign words."""
    keys = {word_key(word) for word in counts}
    if options.positive and options.negative:
        return {}
    meanings = {word_key(name): name for name in PATHOLOGIES}
    if any(word_key(user_word) in BENIGN for user_word in options.positive):
        return {}
    meanings |= dict.fromkeys(MALIGNANT, "MALIGNANT") | dict.fromkeys(BENIGN, "BENIGN")
    if not options.positive:
        graded = _is_graded(counts)
        codes = {code: meaning for meaning, codes in CODES.items() for code in codes}
        meanings |= {code: meaning for code, meaning in codes.items() if not (graded and code.isdecimal())}
    elif "b" in keys:
        meanings["m"] = "MALIGNANT"
    return meanings


def _is_graded(counts: Mapping[str, int]) -> bool:
    """Whether many numbers are neither 0 nor 1: then they are grades or codes, and 1 does not mean malignant."""
    numbers = {word: count for word, count in counts.items() if word_key(word).isdecimal()}
    beyond = sum(count for word, count in numbers.items() if word_key(word) not in ("0", "1"))
    return beyond > max(1, ODD_CELLS * sum(numbers.values()))


def _classes(words: LabelWords, column: str, options: ManifestOptions) -> dict[str, str] | None:
    """The names of the classes where the user's positive words are no malignancy: `dense` and `other`; else None.

    Codes follow the name of their column: `density 3 or 4`.
    """
    keys = [word_key(word) for word in options.positive]
    terse = all(len(key) < 3 for key in keys)
    if not keys or any(DISEASE.search(key) or key in MALIGNANT for key in keys):
        return None
    if header_key(column) in ABOUT_DISEASE and (terse or set(keys) <= CODES["MALIGNANT"]):
        return None
    before = f"{column} " if terse else ""
    not_malignant = [word for word, answer in words.pathology.items() if answer != "MALIGNANT"]
    negative = list(options.negative) or (not_malignant if len(not_malignant) == 1 else [])
    return {
        "positive": before + _joined(options.positive),
        "negative": before + _joined(negative) if negative else OTHER,
    }


def _joined(words: Sequence[str]) -> str:
    return " or ".join(words) if len(words) <= 3 else f"{words[0]} and {len(words) - 1} more"


def _notes(
    words: LabelWords,
    counts: Mapping[str, int],
    user_words: Mapping[str, str],
    column: str,
    classes: dict[str, str] | None,
) -> list[str]:
    """Notes on the meaning of each word, where the user named words or some words are unclear."""
    notes = []
    unclear = [word for word in words.refused if word and word not in words.dropped and not is_missing(word)]
    if user_words or unclear:
        malignant, benign = (classes["positive"], classes["negative"]) if classes else ("malignant", "benign")
        groups = {
            f"count as {malignant}": [word for word, answer in words.pathology.items() if answer == "MALIGNANT"],
            f"count as {benign}": [word for word, answer in words.pathology.items() if answer != "MALIGNANT"],
            "are left out, as --drop asks": sorted(words.dropped),
            "are set aside": [word for word in words.refused if word not in words.dropped],
        }
        listed = "; ".join(f"{_listed(members, counts)} {effect}" for effect, members in groups.items() if members)
        notes.append(f"Labels in the column {column}, with how often each stands: {listed}.")
    explicit = [word for word, answer in user_words.items() if answer == "BENIGN" and _unknown(word)]
    if explicit:
        notes.append(f"{', '.join(map(repr, explicit))} says that nothing is known and counts as benign, as asked.")
    return notes


def _unknown(word: str) -> bool:
    return is_missing(word) or word_key(word) in NOT_KNOWN or bool(BELOW_ZERO.fullmatch(word_key(word)))


def _listed(words: list[str], counts: Mapping[str, int]) -> str:
    ranked = sorted(words, key=lambda word: (-counts[word], word))
    remainder = f" and {len(ranked) - LISTED} more" if len(ranked) > LISTED else ""
    return ", ".join(f"{_short(word) or '(empty)'} ({counts[word]})" for word in ranked[:LISTED]) + remainder


def _short(word: str) -> str:
    """A word on one line, shortened to 60 characters."""
    return " ".join(word.split())[:60]

"""What the words of labels say: malignant, benign, or that it is not known."""

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
"""From the least to the most serious: an image takes the last that any of its findings has."""
MALIGNANT = {"malignant", "malign", "malignancy", "cancer", "carcinoma", "maligno", "maligne"}
BENIGN = {"benign", "benigno", "benigne", "normal", "norm", "healthy", "no cancer", "non cancer", "not malignant"}
BENIGN |= {"benign or normal", "normal or benign", "non malignant", "no malignancy", "no finding", "no findings"}
CODES = {"MALIGNANT": {"m", "positive", "pos", "1", "true", "t", "yes", "y"}}
CODES |= {"BENIGN": {"b", "n", "negative", "neg", "0", "false", "f", "no"}}
"""Words that say malignant or benign only where no other word is named for either: `1` may also be a grade."""
NOT_KNOWN = {"unproven", "uncertain", "indeterminate", "inconclusive", "equivocal", "no biopsy", "not performed"}
NOT_KNOWN |= {"no result", "no results", "insufficient", "insufficient sample", "not diagnostic", "nondiagnostic"}
NOT_KNOWN |= {"no label", "unlabeled", "unlabelled", "not labeled", "not labelled", "ungraded", "unclassified"}
"""Words that say that it is not known, beside those of `words.MISSING`: never benign by themselves."""
DISEASE = re.compile(r"malig|cancer|carcin|\bdcis\b|\bidc\b|\bilc\b|invasive|in situ|tumou?r|neoplas|sarcoma|lymphoma")
"""What names a malignancy in a user's word."""
ABOUT_DISEASE = {"label", "labels", "pathology", "diagnosis", "cancer", "malignant", "malignancy", "biopsyresult"}
ABOUT_DISEASE |= {"classification", "class", "target", "severity", "iscancer", "ismalignant", "groundtruth", "outcome"}
"""Columns whose codes, such as 1 or M, are taken for malignancy when a user names them positive."""
ODD_CELLS = 0.1
"""Up to this share of a column's numbers, and one in any, are slips that change the meaning of no others."""
OTHER = "other"
LISTED = 12
"""As many words as a note lists."""


@dataclass(frozen=True)
class LabelWords:
    """What each label word of a file was taken for.

    `pathology` maps a word to MALIGNANT, BENIGN or BENIGN_WITHOUT_CALLBACK; `refused` maps the others to the reason;
    `dropped` are those that a user leaves out. `classes` names the two classes where they are not malignancy.
    """

    pathology: dict[str, str]
    refused: dict[str, str]
    dropped: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)
    classes: dict[str, str] | None = None


def read_labels(counts: Mapping[str, int], column: str, options: ManifestOptions, file: str) -> LabelWords:
    """What the labels of a file say, given how often each word stands.

    Words that a user names come first, in any case, with `*` for any letters; then, unless both lists are given, the
    plain words of malignant and benign; then, under `positive` alone, all others are benign unless they mean that
    nothing is known. Raises MammoError where a named word stands nowhere, or in two lists.
    """
    named = _named(counts, column, options, file)
    plain = _plain_words(counts, options)
    words = LabelWords({}, {}, frozenset(word for word, answer in named.items() if answer == "drop"))
    for word in counts:
        answer = named.get(word) or plain.get(word_key(word))
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
    words.notes.extend(_notes(words, counts, named, column, classes))
    return LabelWords(words.pathology, words.refused, words.dropped, words.notes, classes)


def _named(counts: Mapping[str, int], column: str, options: ManifestOptions, file: str) -> dict[str, str]:
    """The words that a user names, and what for: exactly as written, or else in any case."""
    lists = {"MALIGNANT": options.positive, "BENIGN": options.negative, "drop": options.drop}
    found: dict[str, str] = {}
    used = set()
    for exact in (True, False):
        taken: dict[str, set[str]] = {}
        for answer, wanted in lists.items():
            for want in wanted:
                for word in counts:
                    if word not in found and (word == want if exact else _alike(word, want)):
                        taken.setdefault(word, set()).add(answer)
                        used.add(want)
                    elif word in found and found[word] == answer and _alike(word, want):
                        used.add(want)
        for word, answers in taken.items():
            if len(answers) > 1:
                raise MammoError(f"The {column} {word!r} is named twice: as {' and as '.join(sorted(answers))}.")
            found[word] = answers.pop()
    if unknown := [want for wanted in lists.values() for want in wanted if want not in used]:
        known = ", ".join(sorted(_short(word) for word in counts if word)[:LISTED])
        raise MammoError(f"No row of {file} has the {column} {unknown[0]!r}; its labels are: {known}.")
    return found


def _alike(word: str, want: str) -> bool:
    return fnmatchcase(word_key(word), word_key(want)) if "*" in want else word_key(word) == word_key(want)


def _plain_words(counts: Mapping[str, int], options: ManifestOptions) -> dict[str, str]:
    """What words say by themselves, unless a user has said what is malignant and what is benign."""
    keys = {word_key(word) for word in counts}
    if options.positive and options.negative:
        return {}
    known = {word_key(name): name for name in PATHOLOGIES}
    if any(word_key(want) in BENIGN for want in options.positive):
        return {}
    known |= dict.fromkeys(MALIGNANT, "MALIGNANT") | dict.fromkeys(BENIGN, "BENIGN")
    if not options.positive:
        graded = _is_graded(counts)
        codes = {code: answer for answer, codes in CODES.items() for code in codes}
        known |= {code: answer for code, answer in codes.items() if not (graded and code.isdecimal())}
    elif "b" in keys:
        known["m"] = "MALIGNANT"
    return known


def _is_graded(counts: Mapping[str, int]) -> bool:
    """Whether numbers beyond 0 and 1 are more than odd cells: then these are grades or codes, of which 1 is any."""
    numbers = {word: count for word, count in counts.items() if word_key(word).isdecimal()}
    beyond = sum(count for word, count in numbers.items() if word_key(word) not in ("0", "1"))
    return beyond > max(1, ODD_CELLS * sum(numbers.values()))


def _classes(words: LabelWords, column: str, options: ManifestOptions) -> dict[str, str] | None:
    """The names of the classes where what a user calls positive is no malignancy: `dense` and `other`.

    Codes bear their column's name: `density 3 or 4`.
    """
    keys = [word_key(word) for word in options.positive]
    terse = all(len(key) < 3 for key in keys)
    if not keys or any(DISEASE.search(key) or key in MALIGNANT for key in keys):
        return None
    if header_key(column) in ABOUT_DISEASE and (terse or set(keys) <= CODES["MALIGNANT"]):
        return None
    before = f"{column} " if terse else ""
    rest = [word for word, answer in words.pathology.items() if answer != "MALIGNANT"]
    negative = list(options.negative) or (rest if len(rest) == 1 else [])
    return {
        "positive": before + _joined(options.positive),
        "negative": before + _joined(negative) if negative else OTHER,
    }


def _joined(words: Sequence[str]) -> str:
    return " or ".join(words) if len(words) <= 3 else f"{words[0]} and {len(words) - 1} more"


def _notes(
    words: LabelWords,
    counts: Mapping[str, int],
    named: Mapping[str, str],
    column: str,
    classes: dict[str, str] | None,
) -> list[str]:
    """What each word was taken for, where that was not plain."""
    notes = []
    unclear = [word for word in words.refused if word and word not in words.dropped and not is_missing(word)]
    if named or unclear:
        malignant, benign = (classes["positive"], classes["negative"]) if classes else ("malignant", "benign")
        groups = {
            f"count as {malignant}": [word for word, answer in words.pathology.items() if answer == "MALIGNANT"],
            f"count as {benign}": [word for word, answer in words.pathology.items() if answer != "MALIGNANT"],
            "are left out, as --drop asks": sorted(words.dropped),
            "are set aside": [word for word in words.refused if word not in words.dropped],
        }
        listed = "; ".join(f"{_listed(chosen, counts)} {what}" for what, chosen in groups.items() if chosen)
        notes.append(f"Labels in the column {column}, with how often each stands: {listed}.")
    explicit = [word for word, answer in named.items() if answer == "BENIGN" and _unknown(word)]
    if explicit:
        notes.append(f"{', '.join(map(repr, explicit))} says that nothing is known and counts as benign, as asked.")
    return notes


def _unknown(word: str) -> bool:
    return is_missing(word) or word_key(word) in NOT_KNOWN or bool(BELOW_ZERO.fullmatch(word_key(word)))


def _listed(words: list[str], counts: Mapping[str, int]) -> str:
    ranked = sorted(words, key=lambda word: (-counts[word], word))
    more = f" and {len(ranked) - LISTED} more" if len(ranked) > LISTED else ""
    return ", ".join(f"{_short(word) or '(empty)'} ({counts[word]})" for word in ranked[:LISTED]) + more


def _short(word: str) -> str:
    """A word in one line and of a length that a sentence bears."""
    return " ".join(word.split())[:60]

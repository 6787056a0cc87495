"""Writes tokenizer_cases.json: what Hugging Face's `tokenizers` 0.20 makes of inputs that are easy to get wrong.

    python3 tests/goldens/make_tokenizer_cases.py configs/austen-mamba/tokenizer.json > tests/goldens/tokenizer_cases.json

Each tokenizer is the given one with `changes` merged into it (JSON merge patch). Inputs are bytes in hexadecimal; what is
not valid UTF-8 is replaced as Python's errors="replace" does.
"""

import json
import sys

from tokenizers import Tokenizer

TEXTS = [
    "It is a truth universally acknowledged, that", "", " ", "  ", "   ", "a", " a", "a ", "  a  ", "a   b", "a\tb", "\t\ta",
    "\n", "\n\n", "\n\n\n a", "a\n", "a \n b", " \n \n ", "a\r\nb\r\n", "\x0b\x0c", "\x00\x01\x7f", "a\x00b",
    "I'm you're he'll we've she'd it's don't I'M YOU'RE 's 't'd", "o'clock ''''s", "d'll'd", "`'s`",
    "0 1 12 123 1234 12345 1234567890 3.14 1,000,000 0x1F 1st", "2024-05-17T12:34:56Z", "x2y3 a1b22c333",
    "Hello, World!!! ... ?!? (a) [b] {c} <d> #e @f $g %h ^i &j *k _l_ ~m |n \\o /p \"q\" ;r :s",
    "café naïve Zürich Ångström São Paulo", "cafe\u0301 Å A\u030a e\u0323\u0302", "\u1e9b\u0323 \ufb01 \u00bd \u00b2 \u2460 \u216b",
    "Привет, мир", "Καλημέρα", "שלום", "مرحبا ١٢٣", "नमस्ते १२३", "你好，世界。", "こんにちは カタカナ", "안녕하세요 \u1112\u1161\u11ab",
    "😀", "👩‍👩‍👧‍👦 👍🏽 🇫🇷", "a😀b 😀", "\u00a0a\u00a0\u00a0b", "a\u2003b\u3000c\u2028d\u2029e\u0085f", "a\u180eb \u180e c",
    "\u200b\u200d\ufeffa", "\u0130\u0131\u017f\u212a 'ſ", "x\u0301\u0302y", "\U0001d400\U0001d7d8 \U00010330 \U0010ffff \ufffd\uffff",
    "<|endoftext|>", "a<|endoftext|>b", " <|endoftext|> ", "<|endoftext|><|endoftext|>", "<|endoftext|", "<<|endoftext|>>",
    "<|ENDOFTEXT|>", "word   <|endoftext|>   word", "a  b   c    d     e", "    indented\n        more\n", "re\u0301sume\u0301  caf\u00e9",
    "\u00c3\u00a9 \u0120a \u010a", "said Elinor, \"that I should have been a very good-natured woman.\"", "\u2018tis \u2014 \u201cno\u201d\u2026",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "th" * 40, "Mr. and Mrs. Bennet's  daughters\n\n\"Oh!\"",
    "\u00b2\u00b3\u00b9\u00bc 10\u00b2", "e\u0301<|endoftext|>\u0301e", "caf\u00e9 cafe\u0301", "\u00e9\u00e9 e\u0301e\u0301",
]
INVALID = [
    b"\xff", b"a\x80b", b"\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x82a", b"\xe2(\xa1", b"\xf0\x9f\x98", b"\xf0\x9f\x98a\xf0",
    b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf0\x80\x80\x41", b"ok \xfe\xff ok",
]


def added(number, content, special, normalized):
    return {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": normalized, "special": special}


END = added(0, "<|endoftext|>", True, False)
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
PLAIN_BYTES = {**BYTES, "use_regex": False}


def split(pattern):
    return {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}


TOKENIZERS = {
    "gpt2": {},
    "prefix space": {"pre_tokenizer": {"add_prefix_space": True}},
    "no regex": {"pre_tokenizer": PLAIN_BYTES},
    "gpt-neox": {  # NFC, runs of spaces as tokens that are no special ones, a combined letter that normalization makes
        "normalizer": {"type": "NFC"},
        "added_tokens": [END, added(1024, "  ", False, True), added(1025, "   ", False, True), added(1026, "    ", False, True),
                         added(1027, "cafe\u0301", False, True), added(1028, "<|endoftext|>>", True, False)],
    },
    "falcon": {
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Punctuation", "behavior": "Contiguous"}, BYTES, {"type": "Digits", "individual_digits": False}, split({"Regex": "[0-9][0-9][0-9]"})]},
    },
    "isolated punctuation and digits": {
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Punctuation", "behavior": "Isolated"}, {"type": "Digits", "individual_digits": True}, PLAIN_BYTES]},
    },
    "split": {
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            split({"Regex": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"}), PLAIN_BYTES]},
    },
    "split at a string and at nothing": {
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split({"String": "a."}), split({"Regex": "(?=b)|x*"}), split({"Regex": "^a|e$"}), BYTES]},
    },
    "ignore merges": {"model": {"ignore_merges": True}},
}


def merge(target, patch):
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        result[key] = merge(result.get(key), value)
    return result


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        original = json.load(file)
    inputs = [text.encode("utf-8") for text in TEXTS] + INVALID
    tables = []
    for name, changes in TOKENIZERS.items():
        tokenizer = Tokenizer.from_str(json.dumps(merge(original, changes)))
        cases = []
        for data in inputs:
            tokens = tokenizer.encode(data.decode("utf-8", errors="replace"), add_special_tokens=False).ids
            cases.append({"hex": data.hex(), "tokens": tokens, "decoded": tokenizer.decode(tokens, skip_special_tokens=False)})
        tables.append({"name": name, "changes": changes, "cases": cases})
    print("[")
    for index, table in enumerate(tables):
        print(json.dumps({"name": table["name"], "changes": table["changes"]})[:-1] + ', "cases": [')
        print(",\n".join("  " + json.dumps(case) for case in table["cases"]))
        print("]}" + ("," if index + 1 < len(tables) else ""))
    print("]")


main()

"""Trains small SentencePiece models and writes their ids and texts.

The models cover the settings of SentencePiece that affect ids. Every folder is one that
transformers can load. Requirements: `tokenizer_requirements.txt`.

    OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 python scripts/generate_tokenizer_reference.py \\
        tests/fixtures/tokenizers --lines 120

More lines for a thorough check go to another folder, which the tests read when
`MTPT_TOKENIZERS` is set to it.

`folders.json` has folders with further files, and the ids and texts of transformers' tokenizers:
added tokens next to the `spiece.model` of the model `unigram`, `tokenizer.json`, and ByT5.

`texts.json` has the texts of all models. `reference.json` of a model has, for each text,

- `ids`: the ids of sentencepiece. Sentinels, `</s>`, `<pad>` and `<unk>` in a text are found first,
  like T5Tokenizer does, and the parts between them are encoded separately;
- `texts`: the text of these ids by sentencepiece, or null if it is the text itself. It is only
  written for texts without such tokens;
- `transformers`: by position, the ids of transformers' T5Tokenizer where they differ.
"""

import argparse
import io
import json
import random
import re
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, decoders, models as library_models, pre_tokenizers, processors
from transformers import AutoTokenizer

CONFIG = {"model_type": "t5", "vocab_size": 1024, "is_encoder_decoder": True, "d_model": 8,
          "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2, "eos_token_id": 1,
          "pad_token_id": 0, "decoder_start_token_id": 0}

WORDS = """the of and to in is that for it as was with be by on not he his but at are this have from
or had an they which one you were all her she there would their we him been has when who will no
more if out so up said what its about than into them can only other time new some could these two
may first then do any like my now over such our man me even most made after also did many off
prompt tuning translate summarize question answer sentence tokenizer naïve café Straße été über
señor œuvre 12 345 2026 3.14 don't it's""".split()

ALPHABETS = {
    "latin": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "accents": "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœšžłđŁŐı",
    "marks": "e\u0301a\u0308o\u0302n\u0303A\u030ai\u0307c\u0327s\u0323\u0307",
    "greek": "αβγδεζηθάέήΩϕϐ", "cyrillic": "абвгдежзийёЖЩъыь",
    "arabic": "ابتثجحخدذرزسشﺍﻻﷲ\u064b\u0651", "hebrew": "אבגדהוזחטיךםﬡשׁ",
    "devanagari": "अआकखगघङचजक्षत्रज्ञ\u093c\u0902नमस्ते", "thai": "กขคงจกำสวัสดี",
    "cjk": "日本語中文字漢川水木國国龍龙豈更", "kana": "かなカナがパｶﾞﾊﾟゝー", "hangul": "한국어가나다각\u1100\u1161\u11a8ㄱ",
    "wide": "ＡＢｃｄ１２３！？（）｛｝～", "compatibility": "ﬁﬂ½²³Ⅷ℃№™…㎏㌔①⑩Ǆ\u2126\u212b",
    "emoji": "👍🏽👨\u200d👩\u200d👧❤\ufe0f¹\ufe0f🇩🇪🙂",
    "punctuation": ".,;:!?-()[]{}'\"/\\@#$%^&*_+=|~`<>«»“”‘’–—´¨¯",
    "spaces": "\u00a0\u2002\u2003\u3000\u200b\u2028\u1680\ufeff\u00ad\u200e\u2060",
    "control": "\x01\x02\x08\x0b\x0c\x1b\x7f\x85", "mark_of_space": "▁▂",
}
SPECIAL = ["</s>", "<pad>", "<unk>", "<extra_id_0>", "<extra_id_1>", "<extra_id_42>",
           "<extra_id_99>", "<extra_id_100>", "<extra_id_007>", "</S>", "<s>", "<sep>", "<mask>",
           "<0x41>", "<0xE6>"]
SYMBOLS = ["<sep>", "  ", "qu", "日本", "▁new", "ﬁ", "x y", "\n", "<mask>"]


def line(rng: random.Random) -> str:
    """Returns a random text."""
    def part() -> str:
        kind = rng.random()
        if kind < 0.45:
            return rng.choice(WORDS)
        if kind < 0.8:
            alphabet = list(rng.choice(list(ALPHABETS.values())))
            return "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 5)))
        if kind < 0.87:
            return rng.choice(SPECIAL)
        if kind < 0.92:
            return rng.choice(SYMBOLS)
        return rng.choice(WORDS) + rng.choice(list(rng.choice(list(ALPHABETS.values()))))
    spaces = [" "] * 14 + ["", "", "  ", "   ", "\t", "\n", " \n ", "\r\n", "\u00a0", "\u3000"]
    parts = [part() + rng.choice(spaces) for _ in range(rng.choice([1, 2, 3, 3, 4, 4, 5, 7]))]
    edge = ["", "", "", "", " ", "  ", "\n"]
    text = rng.choice(edge) + "".join(parts)
    return text if rng.random() < 0.3 else text.strip(" ") + rng.choice(edge)


FIXED = ["", " ", "   ", "\t", "\n", "\x01", "\x01 ", " \x01", "▁", "▁▁", " ▁ ", "a", " a", "a ",
         "a  b", "  a   b  ", "\u200b", "\u00ad", "e\u0301", "¹\ufe0f", "👨\u200d👩\u200d👧", "日本",
         "<extra_id_0>", "a<extra_id_0>b", "a <extra_id_0> b", " <extra_id_0> ", "</s>", "a</s>",
         "<sep>", "a<sep>b", "a <sep> b", "quququ", "\n\n", "´", "a´ b", "\x00", "a\x00b"]


def rules(path: Path) -> None:
    """Writes those rules of `nmt_nfkc` that affect the alphabets: the whole map has 240 KB."""
    normalizer = sentencepiece.SentencePieceNormalizer(
        rule_name="nmt_nfkc", add_dummy_prefix=False, escape_whitespaces=False,
        remove_extra_whitespaces=False)
    characters = sorted({char for alphabet in ALPHABETS.values() for char in alphabet} |
                        set("".join(WORDS) + "\t\n\r"))
    found = {char: normalizer.normalize(char) for char in characters}
    found = {char: replaced for char, replaced in found.items() if replaced != char}
    for text in (first + second for first in characters for second in characters):
        replaced = normalizer.normalize(text)
        if replaced != "".join(found.get(char, char) for char in text):
            found[text] = replaced

    def codes(text: str) -> str:
        return " ".join(f"{ord(char):X}" for char in text)
    path.write_text("".join(f"{codes(left)}\t{codes(right)}\n" for left, right in found.items()))


def train(corpus: Path, change=None, **options) -> bytes:
    """Trains a model with T5's special tokens."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        **{"input": str(corpus), "model_writer": model, "vocab_size": 500, "pad_id": 0, "eos_id": 1,
           "unk_id": 2, "bos_id": -1, "num_threads": 1, "hard_vocab_limit": False,
           "character_coverage": 0.98, "minloglevel": 2, "max_sentencepiece_length": 8, **options})
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    proto.trainer_spec.input[:] = []
    proto.trainer_spec.model_prefix = ""
    proto.normalizer_spec.normalization_rule_tsv = ""
    proto.denormalizer_spec.normalization_rule_tsv = ""
    if change:
        change(proto)
    return proto.SerializeToString()


def unuse(proto) -> None:
    """Marks every fifth normal piece as unused."""
    normal = [piece for piece in proto.pieces if piece.type == 1]
    for piece in normal[::5]:
        piece.type = 5


def keep_spaces(proto) -> None:
    proto.normalizer_spec.escape_whitespaces = False


def models(corpus: Path, folder: Path) -> dict:
    """Trains all models. Returns the model and the declared number of sentinels by name."""
    tsv, back = folder / "rules.tsv", folder / "back.tsv"
    rules(tsv)
    back.write_text("61\t41\n")  # a decoded `a` becomes `A`
    charsmap = {"normalization_rule_tsv": str(tsv)}
    identity = {"normalization_rule_name": "identity"}
    symbols = {"user_defined_symbols": SYMBOLS, "control_symbols": ["<s>", "<0x41>"]}
    mt5 = [f"▁<extra_id_{number}>" for number in range(99, -1, -1)]
    return {
        "unigram": (train(corpus, **charsmap), None),
        "unigram_bytes": (train(corpus, **charsmap, byte_fallback=True, vocab_size=600), 100),
        "unigram_identity": (train(corpus, **identity), 100),
        "unigram_spaces": (train(corpus, **charsmap, remove_extra_whitespaces=False,
                                 add_dummy_prefix=False, allow_whitespace_only_pieces=True), 100),
        "unigram_suffix": (train(corpus, **charsmap, treat_whitespace_as_suffix=True), 100),
        "unigram_symbols": (train(corpus, **charsmap, **symbols), 100),
        "unigram_unused": (train(corpus, unuse, **charsmap), 20),
        "unigram_unescaped": (train(corpus, keep_spaces, **identity,
                                    denormalization_rule_tsv=str(back)), 100),
        "bpe": (train(corpus, **charsmap, model_type="bpe"), 100),
        "bpe_bytes": (train(corpus, **identity, model_type="bpe", byte_fallback=True,
                            remove_extra_whitespaces=False, vocab_size=600), 100),
        "bpe_symbols": (train(corpus, unuse, **charsmap, **symbols, model_type="bpe"), 0),
        "mt5": (train(corpus, **charsmap, byte_fallback=True, vocab_size=700,
                      user_defined_symbols=mt5), 0),
    }


def split(text: str, special: list[str]) -> list[str]:
    """Splits a text at special tokens."""
    longest_first = sorted(special, key=len, reverse=True)
    return re.split("(" + "|".join(re.escape(token) for token in longest_first) + ")", text)


def reference(processor, texts: list[str], sentinels: int, folder: Path) -> dict:
    pieces = processor.get_piece_size()
    special = {"</s>": 1, "<pad>": 0, "<unk>": 2}
    special |= {f"<extra_id_{number}>": pieces + sentinels - 1 - number
                for number in range(sentinels)}
    transformers = AutoTokenizer.from_pretrained(str(folder))
    ids, decoded, differing = [], [], {}
    for position, text in enumerate(texts):
        parts = split(text, list(special))
        row = []
        for part in parts:
            row += [special[part]] if part in special else processor.encode(part)
        ids.append(row + [1])
        back = processor.decode(row) if len(parts) == 1 else None
        decoded.append(None if back == text else back)
        theirs = transformers(text).input_ids
        if theirs != ids[-1]:
            differing[str(position)] = theirs
    return {"ids": ids, "texts": decoded, "transformers": differing}


def token(content: str, **flags) -> dict:
    defaults = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False,
                "special": False}
    return {"content": content, **defaults, **flags}


def json_tokenizer(post_processor=None, padding=False) -> dict:
    """Returns a `tokenizer.json` that was trained with the library itself."""
    pieces = ["<pad>", "</s>", "<unk>", "▁", *"abcdefgh", "▁a", "ab", "▁cab"]
    scores = [0.0, 0.0, 0.0, -2.0, *[-4.0] * 8, -3.0, -3.5, -3.0]
    tokenizer = Tokenizer(library_models.Unigram(list(zip(pieces, scores)), unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    if post_processor:
        tokenizer.post_processor = post_processor
    if padding:
        tokenizer.enable_padding(length=12, pad_id=0, pad_token="<pad>")
        tokenizer.enable_truncation(3)
    return json.loads(tokenizer.to_str())


def folders() -> dict:
    """Returns the files of each folder by its name, and whether it has a `spiece.model`."""
    t5 = {"tokenizer_class": "T5Tokenizer", "extra_ids": 100}
    sentinels = [f"<extra_id_{number}>" for number in range(100)]
    flags = [token("{{"), token("}}"), token("<sep>"), token("\n"), token("<mask>", lstrip=True),
             token("<wide>", lstrip=True, rstrip=True, special=True),
             token("prompt", single_word=True), token("<norm>", normalized=True)]
    end = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>",
                                        special_tokens=[("</s>", 1)])
    byt5 = {"tokenizer_class": "ByT5Tokenizer"}
    return {
        "added_tokens_decoder": (True, {"tokenizer_config.json": {
            **t5, "added_tokens_decoder": {str(600 + i): flag for i, flag in enumerate(flags)}}}),
        "added_tokens_json": (True, {"tokenizer_config.json": t5,
                                     "added_tokens.json": {"<sep>": 601, "<cls>": 600}}),
        "added_tokens_only": (True, {"added_tokens.json": {"<sep>": 600, "{{": 601}}),
        "special_tokens_map": (True, {
            "special_tokens_map.json": {"eos_token": token("</s>", rstrip=True), "sep_token": "<sep>"},
            "added_tokens.json": {"<sep>": 600}}),
        "additional_special_tokens": (True, {"tokenizer_config.json": {
            **t5, "additional_special_tokens": sentinels + ["<sep>", "<cls>"]}}),
        "few_sentinels": (True, {"tokenizer_config.json": {**t5, "extra_ids": 10}}),
        "no_sentinels": (True, {"tokenizer_config.json": {**t5, "extra_ids": 0}}),
        "json_without_end": (False, {"tokenizer.json": json_tokenizer(),
                                     "tokenizer_config.json": {**t5, "extra_ids": 0}}),
        "json_with_end": (False, {"tokenizer.json": json_tokenizer(end),
                                  "tokenizer_config.json": {**t5, "extra_ids": 0}}),
        "json_with_padding": (False, {"tokenizer.json": json_tokenizer(padding=True),
                                      "tokenizer_config.json": {**t5, "extra_ids": 0}}),
        "json_with_added_tokens": (False, {"tokenizer.json": json_tokenizer(), "tokenizer_config.json": {
            **t5, "extra_ids": 0, "added_tokens_decoder": {"15": token("<sep>")}}}),
        "json_with_sentinels": (False, {"tokenizer.json": json_tokenizer(),
                                        "tokenizer_config.json": t5}),
        "byt5": (False, {"tokenizer_config.json": byt5}),
        "byt5_stripped": (False, {"tokenizer_config.json": {**byt5, "eos_token": {"__type": "AddedToken", **token("</s>")}}}),
        "byt5_no_sentinels": (False, {"tokenizer_config.json": {**byt5, "extra_ids": 0}}),
    }


FOLDER_TEXTS = ["", " ", "the prompt", "{{the: of}}", "one <sep> two", "one<sep>two", "line one\nline two",
                "a <mask> b", "a <wide> b", "a<norm>b", "my prompts prompt", "a </s> b", "a</s>",
                "<extra_id_0> and <extra_id_9>", "<extra_id_99>", "x<cls>", "cab ab <unk> h <pad>",
                "h\u00e9llo \u2713", "{{", "  a"]


def of_folder(files: dict, model: bytes | None) -> dict:
    """Returns the ids of the texts by transformers, and the texts of these ids."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        dump(folder / "config.json", {**CONFIG, "vocab_size": 1024})
        for name, content in files.items():
            dump(folder / name, content)
        if model:
            (folder / "spiece.model").write_bytes(model)
        tokenizer = AutoTokenizer.from_pretrained(temporary)
        ids = [tokenizer(text, padding=False, truncation=False).input_ids for text in FOLDER_TEXTS]
        texts = [tokenizer.decode(row, skip_special_tokens=True) for row in ids]
        return {"has_model": model is not None, "files": files, "ids": ids, "decoded": texts}


def dump(path: Path, value) -> None:
    path.write_text(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--lines", type=int, required=True)
    arguments = parser.parse_args()
    rng = random.Random(13)
    with tempfile.TemporaryDirectory() as temporary:
        corpus = Path(temporary) / "corpus.txt"
        lines = (re.sub(r"[\x00\r\n\u2028\x85\x0b\x0c]", " ", line(rng)) for _ in range(4000))
        corpus.write_text("\n".join(lines))
        trained = models(corpus, Path(temporary))
    texts = FIXED + [line(rng) for _ in range(arguments.lines)]
    arguments.output.mkdir(parents=True, exist_ok=True)
    unigram = trained["unigram"][0]
    dump(arguments.output / "folders.json", {
        "texts": FOLDER_TEXTS,
        "folders": {name: of_folder(files, unigram if has_model else None)
                    for name, (has_model, files) in folders().items()}})
    dump(arguments.output / "texts.json", texts)
    for name, (model, sentinels) in trained.items():
        folder = arguments.output / name
        folder.mkdir(exist_ok=True)
        (folder / "spiece.model").write_bytes(model)
        dump(folder / "config.json", CONFIG)
        if sentinels is not None:
            tokenizer = {"tokenizer_class": "T5Tokenizer", "extra_ids": sentinels}
            dump(folder / "tokenizer_config.json", tokenizer)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        values = reference(processor, texts, 100 if sentinels is None else sentinels, folder)
        dump(folder / "reference.json", values)
        print(name, len(model), "bytes,", processor.get_piece_size(), "pieces,",
              len(values["transformers"]), "of", len(texts), "differ in transformers")


if __name__ == "__main__":
    main()

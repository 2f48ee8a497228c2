"""Writes the seeds in corpus/ that other programs write: tables, tokenizers and Parquet files, and texts
in the formats that have no fixture in another crate.

Needs the packages of requirements.txt. Run from anywhere:

    python generate_corpus.py
"""

import gzip
import json
import pathlib
import random

import pyarrow
import pyarrow.parquet
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

CORPUS = pathlib.Path(__file__).parent.parent / "corpus"

TSV = {
    "glue_cola": "gj04\t1\t\tThe sailors rode the breeze.\nc-05\t0\t*\tThe ship sank \"it.\n",
    "glue_mnli": "index\tpromptID\tsentence1\tsentence2\tlabel1\tgold_label\n0\t63735n\tThe new rights.\tEveryone likes it.\tneutral\tneutral\n",
    "glue_mrpc": "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1355540\t1355592\tHe said no .\t\" No , he said .\n",
    "glue_qnli": "index\tquestion\tsentence\tlabel\n0\tWho came?\tAnn came.\tentailment\n",
    "glue_qqp": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n201359\t303345\t303346\tWhy?\tHow so?\t0\n1\t2\n",
    "glue_rte": "index\tsentence1\tsentence2\tlabel\n0\tIt rains in May.\tIt rains.\tentailment\n",
    "glue_sst2": "sentence\tlabel\nit 's charming \t1\nunflinchingly bleak \t0\n",
    "glue_stsb": "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n0\tmain\tMSRvid\t2012\t1\tnone\tnone\tA man.\tA man walks.\t5.000\n",
    "glue_wnli": "index\tsentence1\tsentence2\tlabel\n0\tAnn hit Eve.\tEve fell.\t1\n",
    "tsv": "text\tlabel\nday \"brought\" sun\tdry\n\n\"x\ty\n",
}
CSV = {
    "csv": 'id,text,label\n1,"day, ""brought""\nsun",dry\n2,ß,wet\n',
    "csv_semicolon": "text;score\n\"a;b\";1,5\nc;2\n",
    "csv.dialect": "text|label\n\"a|b\"|1\n",
    "detected": "\ufefftext,label\r\na,1\r\nb,2\r\n",
}
JSON = {
    "superglue_boolq": {"question": "is rain wet", "passage": "Rain -- Rain is water.", "idx": 0, "label": True},
    "superglue_cb": {"premise": "B: I think so.", "hypothesis": "it is so", "label": "neutral", "idx": 0},
    "superglue_copa": {"premise": "The street was wet.", "choice1": "It rained.", "choice2": "It was noon.", "question": "cause", "label": 0, "idx": 0},
    "superglue_multirc": {"idx": 5, "version": 1.1, "passage": {"text": "<b>Sent 1: </b>It rained.<br>", "questions": [{"question": "Who left?", "idx": 8, "answers": [{"text": "Ann", "idx": 30, "label": 1}]}]}},
    "superglue_record": {"source": "x", "idx": 2, "passage": {"text": "Zoé met Ann Lee.\n@highlight\nAnn smiled", "entities": [{"start": 0, "end": 2}, {"start": 8, "end": 14}]}, "qas": [{"query": "@placeholder smiled", "idx": 4, "answers": [{"start": 8, "end": 14, "text": "Ann Lee"}]}]},
    "superglue_rte": {"premise": "It rains in May.", "hypothesis": "It rains.", "label": "entailment", "idx": 0},
    "superglue_wic": {"word": "bank", "sentence1": "The bank was closed.", "sentence2": "On the bank of a river.", "idx": 0, "label": False, "start1": 4, "start2": 7, "end1": 8, "end2": 11, "version": 1.1},
    "superglue_wsc": {"text": "Ann gave Eve a book because she liked it .", "target": {"span2_index": 6, "span1_index": 0, "span1_text": "Ann", "span2_text": "she"}, "idx": 3, "label": False},
    "superglue_axb": {"sentence1": "No cat sleeps.", "sentence2": "A cat sleeps.", "idx": 0, "label": "not_entailment", "logic": "Negation"},
    "superglue_axg": {"premise": "She came.", "hypothesis": "A woman came.", "label": "entailment", "idx": 0, "pair_id": 7},
    "json_lines": {"text": "day ß 😀", "label": 1, "score": -1.5e3, "tags": ["a", "b"], "ids": [3, 5], "none": None, "ok": True},
    "detected": {"input": "day", "input_ids": [3, 5, 0], "candidates": ["a", "b"]},
}

TASKS = """
[[tasks]]
name = "mood"
format = "json_lines"
train = "mood.jsonl"
dev = "mood.jsonl"
template = "mood {text}"
labels = { "0" = "happy", "1" = "sad" }
metrics = ["accuracy", { f1 = { positive = "sad" } }]
limit = { train = 100 }

[[tasks]]
name = "sky/wet"
format = "tsv"
encoding = "latin1"
dialect = { separator = "|", quotes = true }
train = "wet.tsv"
hold_out = 0.2
template = "wet {text}"
labels = ["dry", "soaked"]
unlabeled = "skip"

[[tasks]]
name = "sky/score"
format = "csv"
train = "score.csv"
few_shot = { per_label = 8, seed = 1 }
template = "{a} and {b}"
labels = { regression = { lowest = 0, highest = 5, step = 0.2 } }
metrics = ["pearson", "spearman"]

[[tasks]]
name = "answers"
format = "json_lines"
train = "answers.jsonl"
template = "{question}"
labels = { text = { references = "answers" } }
stream = true
"""
RUN = """
model = "model"
seed = 1

[prompt]
length = 4
initializer = { kind = "sampled_vocabulary" }

[composition]
strategy = "low_rank"
rank = 1

[training]
steps = 6
batch_size = 4
learning_rate = 0.3
warmup_steps = 2
decay = "linear"
max_input_length = 256
checkpoint_every = 2
optimizer = { kind = "adamw", weight_decay = 0.00001, clip_norm = 1.0 }

[mixture]
shuffle = true
rates = { proportional = { cap = 100 } }

[evaluation]
every = 3
batch_size = 64
"""
STAGES = """
[teachers]
training = { steps = 4, learning_rate = 0.3 }

[distillation]
weight = 0.9
temperature = 1.0

[adaptation]
targets = ["answers"]
few_shot = { rows = [4], draws = 2 }

[adaptation.training]
steps = 2
learning_rate = 0.3
task_learning_rate = 0.4
"""
PRETRAINING = """
model = "model"
seed = 1
evaluation = { every = 3 }

[training]
steps = 6
batch_size = 4
learning_rate = 0.003
max_input_length = 24
max_target_length = 24
checkpoint_every = 2

[[corpora]]
name = "spans"
train = "train.txt"
dev = ["dev.txt", "dev.jsonl"]
objective = "span_corruption"
mean_span_length = 1.5

[[corpora]]
name = "lm"
train = "train.txt"
objective = "prefix_lm"
weight = 0.5
"""
GENERATION = {
    "eos_token_id": [1, 2], "decoder_start_token_id": 0, "max_new_tokens": 8, "num_beams": 2, "length_penalty": 0.6,
    "early_stopping": "never", "do_sample": False, "temperature": 0.7, "top_k": 3, "top_p": 0.9, "num_return_sequences": 2,
    "suppress_tokens": [3], "bad_words_ids": [[4, 5]], "sequence_bias": [[[4], -1.0]], "no_repeat_ngram_size": 2,
    "repetition_penalty": 1.2, "exponential_decay_length_penalty": [2, 1.1], "stop_strings": ["x"], "transformers_version": "5.0",
}
LABELS = [
    ({"0": "happy", "1": "sad"}, "0"),
    (["dry", "soaked"], "soaked"),
    ("verbatim", ""),
    ("text", "x"),
    ({"regression": {"lowest": 1, "highest": 5, "step": 0.5}}, "2.5"),
    ({"text": {"references": "answers", "no_answer": "none"}}, "none"),
    ({"multi_label": {"labels": {"a": "first", "b": "second"}, "separator": "; ", "none": "no label"}}, "first; second"),
    ({"choices": {"0": "choice1", "1": "choice2"}}, "1"),
]
TEMPLATES = ["mood {text}", "{{x}} premise: {premise} {été}", "{text}{text}"]
EVALUATION = {
    "step": 4, "split": "dev",
    "tasks": [{"task": "mood", "rows": 2, "kind": "classes", "metrics": [{"metric": "accuracy", "value": 0.5}], "classes": [], "confusion": [[1, 0], [1, 0]], "warnings": ["x"], "examples": []}],
}


def write(name, content):
    path = CORPUS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def tables():
    for name, text in TSV.items():
        write(f"table/{name}.tsv", text)
    for name, text in CSV.items():
        write(f"table/{name}.csv", text)
    for name, row in JSON.items():
        write(f"table/{name}.jsonl", json.dumps(row, ensure_ascii=name != "json_lines") + "\n")
    row = JSON["json_lines"]
    write("table/detected_array.json", json.dumps([row, row], indent=1))
    write("table/csv.latin1.csv", "text,label\nß,1\n".encode("latin1"))
    write("table/detected_utf16.csv", "text,label\nß,1\n".encode("utf16"))
    for name in ("csv.csv", "json_lines.jsonl"):
        text = (CORPUS / "table" / name).read_bytes()
        write(f"stdin_rows/{name}", text)
        write(f"compressed_table/{name}.gz", gzip.compress(text * 20, mtime=0))
        write(f"compressed_table/{name}.zst", bytes(pyarrow.compress(text * 20, codec="zstd")))
    detected = JSON["detected"]
    write("stdin_rows/rows.jsonl", "".join(json.dumps({**detected, "id": row}) + "\n" for row in range(3)))
    write("stdin_rows/rows.csv.gz", gzip.compress(CSV["csv"].encode(), mtime=0))
    write("corpus/lines.txt", "day brought sun one two three\n\nnight\r\n" * 3)
    write("corpus/documents.jsonl", '{"text": "day brought sun", "source": "x"}\n' * 3)
    write("corpus/lines.txt.gz", gzip.compress(b"day brought sun\n" * 20, mtime=0))


def configurations():
    write("task_file/tasks.toml", TASKS)
    write("run_file/run.toml", RUN + TASKS)
    write("run_file/stages.toml", RUN + STAGES + TASKS)
    write("pretraining_file/pretrain.toml", PRETRAINING)
    write("generation_config/full/generation_config.json", json.dumps(GENERATION))
    write("generation_config/short/generation_config.json", json.dumps({"eos_token_id": 1, "max_length": 20}))
    for index, (config, answer) in enumerate(LABELS):
        write(f"labels/{index}.txt", json.dumps(config) + "\n" + answer)
    for index, template in enumerate(TEMPLATES):
        write(f"template/{index}.txt", template)
    generator = random.Random(1)
    for index in range(3):
        write(f"metrics/{index}.bin", generator.randbytes(400))
    write("run_folder/results/evaluation.json", json.dumps(EVALUATION))
    write("run_folder/results/metrics.jsonl", '{"step":1,"loss":2.5,"lr":0.3}\n{"step":3,"split":"dev","task":"mood","metric":"accuracy","value":0.5}\n')


def tokenizers():
    texts = ["day brought sun", "night brought rain", "one two three ½ ﬁ ß"]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [("▁" + word, -3.0 - index) for index, word in enumerate(" ".join(texts).split())]
    pieces += [(letter, -9.0) for letter in "abdeghinorstuwy"]
    unigram = Tokenizer(models.Unigram(list(dict(pieces).items()), unk_id=2, byte_fallback=False))
    unigram.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("  ", " "), normalizers.Strip(left=False)])
    unigram.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    unigram.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    unigram.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    unigram.add_special_tokens([AddedToken(f"<extra_id_{index}>", lstrip=index == 0, normalized=False) for index in range(2)])
    bpe = Tokenizer(models.BPE({"</s>": 0, "<unk>": 1, "a": 2, "b": 3, "d": 4, "y": 5, "ab": 6, "ay": 7, "day": 8}, [("a", "b"), ("a", "y"), ("d", "ay")], unk_token="<unk>", fuse_unk=True))
    bpe.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Lowercase(), normalizers.NFD(), normalizers.StripAccents()])
    bpe.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.Punctuation(), pre_tokenizers.WhitespaceSplit()])
    bpe.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    bytes_of = Tokenizer(models.BPE({"</s>": 0, **{letter: index + 1 for index, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}}, []))
    bytes_of.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    bytes_of.decoder = decoders.ByteLevel()
    bytes_of.post_processor = processors.ByteLevel(trim_offsets=True)
    word_piece = Tokenizer(models.WordPiece({"[UNK]": 0, "</s>": 1, "day": 2, "##s": 3, "sun": 4, "[SEP]": 5, "[CLS]": 6}, unk_token="[UNK]"))
    word_piece.normalizer = normalizers.BertNormalizer()
    word_piece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    word_piece.decoder = decoders.WordPiece()
    word_piece.post_processor = processors.BertProcessing(("[SEP]", 5), ("[CLS]", 6))
    words = Tokenizer(models.WordLevel({"<unk>": 0, "</s>": 1, "day": 2, "sun": 3}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Split("(\\s+|,)", "isolated")
    words.enable_truncation(8)
    words.enable_padding(length=4)
    found = {"unigram": unigram, "bpe": bpe, "bytes": bytes_of, "word_piece": word_piece, "words": words}
    for name, tokenizer in found.items():
        write(f"tokenizer_json/{name}.json", tokenizer.to_str())
    config = {
        "tokenizer_class": "T5Tokenizer", "extra_ids": 2, "model_max_length": 512,
        "added_tokens_decoder": {"40": {"content": "<new>", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False, "special": True}},
        "additional_special_tokens": ["<extra_id_0>", "<extra_id_1>"], "eos_token": "</s>", "unk_token": {"content": "<unk>"},
    }
    write("tokenizer_folder/json/tokenizer.json", unigram.to_str())
    write("tokenizer_folder/json/tokenizer_config.json", json.dumps({key: config[key] for key in ("tokenizer_class", "model_max_length", "eos_token")}))
    write("tokenizer_folder/json/special_tokens_map.json", json.dumps({"eos_token": "</s>", "unk_token": {"content": "<unk>", "lstrip": False}}))
    write("tokenizer_folder/bytes/tokenizer_config.json", json.dumps({"tokenizer_class": "ByT5Tokenizer", "extra_ids": 125}))
    pieces = CORPUS.parent.parent / "mtpt-t5/tests/fixtures/tokenizers/unigram_identity/spiece.model"
    write("tokenizer_folder/pieces/spiece.model", pieces.read_bytes())
    write("tokenizer_folder/pieces/tokenizer_config.json", json.dumps({"tokenizer_class": "T5Tokenizer", "extra_ids": 2}))
    write("tokenizer_folder/pieces/added_tokens.json", json.dumps({"<new>": 300}))


def parquet():
    table = pyarrow.table({
        "text": pyarrow.array(["day", None, "ß sun", "day"]),
        "label": pyarrow.array([0, 1, -1, None], pyarrow.int8()),
        "score": pyarrow.array([1.5, float("nan"), 0.0, 2.0]),
        "ok": pyarrow.array([True, False, None, True]),
        "tags": pyarrow.array([["a", "b"], [], None, ["c", None]]),
        "more": pyarrow.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}, {"a": 3, "b": "z"}]),
    })
    flat = table.select(["text", "label", "score", "ok"])

    def save(name, table, **options):
        path = CORPUS / f"parquet/{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(table, path, store_schema=False, **options)

    save("nested", table, compression="none")
    save("snappy", table, compression="snappy", data_page_version="2.0")
    save("zstd", flat, compression="zstd", row_group_size=2)
    save("gzip", flat, compression="gzip", use_dictionary=False)
    plain = {"use_dictionary": False, "compression": "none", "write_statistics": False}
    save("delta", flat.select(["text", "label"]), column_encoding={"text": "DELTA_BYTE_ARRAY", "label": "DELTA_BINARY_PACKED"}, **plain)
    save("lengths", flat.select(["text"]), column_encoding={"text": "DELTA_LENGTH_BYTE_ARRAY"}, data_page_version="2.0", **plain)
    save("split", flat.select(["score"]), column_encoding={"score": "BYTE_STREAM_SPLIT"}, **plain)
    save("plain", flat, **plain)


if __name__ == "__main__":
    tables()
    configurations()
    tokenizers()
    parquet()

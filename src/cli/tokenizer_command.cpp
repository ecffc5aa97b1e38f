// `weir tokenizer`: learns a tokenizer from text; text to ids and back.
#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include <vector>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "chat/open_model.h"
#include "cli/commands.h"
#include "cli/shared_options.h"
#include "cli/standard_input.h"
#include "corpus/corpus.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

struct TokenizerTrainCommand {
  std::string out;           // a folder, or a .json file for tokenizer.json alone
  std::string kind = "bpe";  // or "char"
  int vocab_size = 32000;
  std::string pattern = "deepseek-v3";
  bool isolate_digits = false;
  std::string end = "<｜end▁of▁sentence｜>";  // the end-of-text token; "": none
  std::vector<std::string> paths;
  std::string field = "text";
  bool skip_bad_lines = false;
  int threads = 0;
};

struct TokenizerCodeCommand {
  std::string tokenizer;           // a folder or a tokenizer.json
  std::vector<std::string> words;  // text, or ids; none: standard input
  bool allow_special = false;      // encode: control tokens; decode: show them
  bool framed = false;             // encode: with BOS, if the tokenizer adds one
};

bool is_json_path(const std::string& path) { return path.size() > 5 && path.ends_with(".json"); }

Result<Tokenizer> learn(const TokenizerTrainCommand& command,
                        std::span<const std::string_view> documents, ThreadPool& pool) {
  std::vector<NewToken> added;
  if (!command.end.empty()) added.push_back({command.end});
  if (command.kind == "char") {
    CharacterTokenizerOptions options;
    options.added_tokens = added;
    options.eos = command.end;
    return train_character_tokenizer(documents, options);
  }
  TokenizerTrainOptions options;
  options.vocab_size = command.vocab_size;
  options.pattern = command.pattern;
  options.isolate_digits = command.isolate_digits;
  options.added_tokens = added;
  options.eos = command.end;
  std::optional<Progress> progress;
  std::string shown;
  return train_tokenizer(documents, options, pool,
                         [&](const char* stage, int64_t done, int64_t total) {
                           if (shown != stage) progress.emplace(stage, double(total), "");
                           shown = stage;
                           if (done < total) progress->update(double(done));
                         });
}

Result<void> tokenizer_train(const TokenizerTrainCommand& command) {
  ThreadPool pool(command.threads);
  CorpusOptions options;
  options.paths = command.paths;
  options.jsonl_field = command.field;
  options.skip_bad_lines = command.skip_bad_lines;
  Corpus corpus = TRY(read_corpus(options, &pool));
  std::vector<std::string_view> documents(corpus.documents.begin(), corpus.documents.end());
  Tokenizer tokenizer = TRY(learn(command, documents, pool));
  if (is_json_path(command.out)) {
    TRY(write_file_atomic(command.out, tokenizer_json(tokenizer)));
  } else {
    TRY(make_directories(command.out));
    TRY(write_tokenizer(tokenizer, command.out));
  }
  int64_t ids = 0;
  for (const auto& document : TRY(tokenizer.encode_documents(documents, pool)))
    ids += int64_t(document.size());
  fmt::print("{} tokens, learned from {} documents of {}: {:.2f} bytes per token; written to {}\n",
             tokenizer.size(), documents.size(), format_bytes(double(corpus.bytes)),
             double(corpus.bytes) / double(ids), command.out);
  return {};
}

// The words of the command, or else standard input.
Result<std::string> text_of(const TokenizerCodeCommand& command) {
  if (command.words.empty()) return read_standard_input();
  std::string text;
  for (const std::string& word : command.words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Ids to standard output, separated by spaces.
Result<void> tokenizer_encode(const TokenizerCodeCommand& command) {
  const std::unique_ptr<Tokenizer> tokenizer = TRY(open_tokenizer(command.tokenizer));
  const std::string text = TRY(text_of(command));
  std::vector<int> ids = TRY(tokenizer->encode(text, {command.allow_special, command.framed}));
  fmt::print("{}\n", fmt::join(ids, " "));
  return {};
}

// Text to standard output, byte for byte.
Result<void> tokenizer_decode(const TokenizerCodeCommand& command) {
  const std::unique_ptr<Tokenizer> tokenizer = TRY(open_tokenizer(command.tokenizer));
  std::string text = TRY(text_of(command));
  std::vector<int> ids;
  for (char& c : text)
    if (c == '\n' || c == '\t' || c == '\r' || c == ',') c = ' ';
  for (const std::string& word : split(text, ' ')) {
    if (word.empty()) continue;
    int64_t id = TRY(parse_int(word));
    if (id < 0 || id >= tokenizer->size())
      return Error{fmt::format("{} is no token id; they are 0 to {}", id, tokenizer->size() - 1)};
    ids.push_back(int(id));
  }
  std::string bytes = TRY(tokenizer->decode_bytes(ids, command.allow_special));
  fwrite(bytes.data(), 1, bytes.size(), stdout);
  return {};
}

}  // namespace

void add_tokenizer(CommandGroup& commands) {
  CommandGroup group = commands.group("tokenizer", "train a tokenizer; encode and decode text");
  auto [c, o] = group.add("train", "train a tokenizer on text", tokenizer_train, Writes::files);
  c.option("--out", o.out, "PATH", "output folder, or a .json file for tokenizer.json alone")
      .required();
  c.count("--vocab", o.vocab_size, 1, 2'000'000, "vocabulary size");
  c.choice("--kind", o.kind, {"bpe", "char"}, "char: one token per character");
  c.value("--pattern", o.pattern, "NAME", "pre-tokenizer: gpt-2, qwen2, none ...");
  c.flag("--digits", o.isolate_digits, "split numbers into single digits");
  c.value("--end", o.end, "TEXT", "end-of-text token; empty: none");
  add_texts(c, o.paths, o.field, o.skip_bad_lines);
  add_threads(c, o.threads);

  auto [encode, encoded] = group.add("encode", "text to token ids", tokenizer_encode);
  encode.argument("TOKENIZER", encoded.tokenizer, "a folder or a tokenizer.json").required();
  encode.argument("TEXT", encoded.words, "[standard input]", "...");
  encode.flag("--special", encoded.allow_special, "parse control tokens in the text");
  encode.flag("--bos", encoded.framed, "prepend the beginning-of-sequence token, if there is one");

  auto [decode, decoded] = group.add("decode", "token ids to text", tokenizer_decode);
  decode.argument("TOKENIZER", decoded.tokenizer, "a folder or a tokenizer.json").required();
  decode.argument("IDS", decoded.words, "[standard input]", "...");
  decode.flag("--special", decoded.allow_special, "show control tokens");
}

}  // namespace weir

#include "cli/tokenizer_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "base/file.h"
#include "base/progress.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "chat/open_model.h"
#include "cli/standard_input.h"
#include "corpus/corpus.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

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

}  // namespace

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

Result<void> tokenizer_code(const TokenizerCodeCommand& command) {
  const std::unique_ptr<Tokenizer> opened = TRY(open_tokenizer(command.tokenizer));
  const Tokenizer& tokenizer = *opened;
  std::string text;
  if (command.words.empty()) text = TRY(read_standard_input());
  for (const std::string& word : command.words) text += (text.empty() ? "" : " ") + word;
  if (command.kind == TokenizerCodeCommand::Kind::encode) {
    std::vector<int> ids = TRY(tokenizer.encode(text, {command.allow_special, command.framed}));
    fmt::print("{}\n", fmt::join(ids, " "));
    return {};
  }
  std::vector<int> ids;
  for (char& c : text)
    if (c == '\n' || c == '\t' || c == '\r' || c == ',') c = ' ';
  for (const std::string& word : split(text, ' ')) {
    if (word.empty()) continue;
    int64_t id = TRY(parse_int(word));
    if (id < 0 || id >= tokenizer.size())
      return Error{fmt::format("{} is no token id; they are 0 to {}", id, tokenizer.size() - 1)};
    ids.push_back(int(id));
  }
  std::string bytes = TRY(tokenizer.decode_bytes(ids, command.allow_special));
  fwrite(bytes.data(), 1, bytes.size(), stdout);
  return {};
}

}  // namespace weir

// Writing tokenizer.json as Python's tokenizers would: same sections, same order of keys.
#include <algorithm>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/json.h"
#include "text/unicode.h"
#include "tokenizer/bpe.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

Json object(std::vector<Json::Member> members) {
  Json made = Json::object();
  made.members() = std::move(members);
  return made;
}

Json array(std::vector<Json> items) {
  Json made = Json::array();
  made.items() = std::move(items);
  return made;
}

Json byte_level(bool use_regex) {
  return object({{"type", "ByteLevel"},
                 {"add_prefix_space", false},
                 {"trim_offsets", true},
                 {"use_regex", use_regex}});
}

Json pre_tokenizer_json(const PreTokenizer& pre_tokenizer) {
  std::vector<Json> parts;
  bool use_regex = false;
  for (const SplitStep& step : pre_tokenizer.steps()) {
    using Kind = SplitStep::Kind;
    switch (step.kind) {
      case Kind::regex:
      case Kind::literal: {
        const char* kind = step.kind == Kind::regex ? "Regex" : "String";
        parts.push_back(object({{"type", "Split"},
                                {"pattern", object({{kind, step.pattern}})},
                                {"behavior", "Isolated"},
                                {"invert", false}}));
        break;
      }
      case Kind::each_digit:
      case Kind::digit_run:
        parts.push_back(
            object({{"type", "Digits"}, {"individual_digits", step.kind == Kind::each_digit}}));
        break;
      case Kind::gpt2:
        use_regex = true;
        break;  // always the last step
    }
  }
  if (parts.empty()) return byte_level(use_regex);
  parts.push_back(byte_level(use_regex));
  return object({{"type", "Sequence"}, {"pretokenizers", array(std::move(parts))}});
}

Json model_json(const Tokenizer& tokenizer) {
  // Added tokens with ids among the ordinary ones must be in the vocabulary too: Python gives the
  // others ids that follow it.
  int end = tokenizer.size();
  while (end > 0 && tokenizer.is_added(end - 1)) --end;
  Json vocabulary = Json::object();
  vocabulary.members().reserve(size_t(end));
  for (int id = 0; id < end; ++id) {
    vocabulary.members().emplace_back(tokenizer.token_text(id), Json(id));
  }
  bool has_space = false;  // only tokens that this program would never make
  for (const Merge& merge : tokenizer.merges()) {
    for (int id : {merge.left, merge.right}) {
      if (merge.result < 0 && tokenizer.token_text(id).find(' ') != std::string::npos) {
        has_space = true;
      }
    }
  }
  Json merges = Json::array();
  merges.items().reserve(tokenizer.merges().size());
  for (const Merge& merge : tokenizer.merges()) {
    std::string left = tokenizer.token_text(merge.left), right = tokenizer.token_text(merge.right);
    merges.push(has_space ? array({left, right}) : Json(left + " " + right));
  }
  return object({{"type", "BPE"},
                 {"dropout", Json()},
                 {"unk_token", Json()},
                 {"continuing_subword_prefix", Json()},
                 {"end_of_word_suffix", Json()},
                 {"fuse_unk", false},
                 {"byte_fallback", false},
                 {"ignore_merges", tokenizer.ignores_merges()},
                 {"vocab", std::move(vocabulary)},
                 {"merges", std::move(merges)}});
}

Json added_json(const Tokenizer& tokenizer) {
  std::vector<const AddedToken*> tokens;
  for (const AddedToken& token : tokenizer.added_tokens()) tokens.push_back(&token);
  std::sort(tokens.begin(), tokens.end(),
            [](const AddedToken* a, const AddedToken* b) { return a->id < b->id; });
  Json added = Json::array();
  for (const AddedToken* token : tokens) {
    added.push(object({{"id", token->id},
                       {"content", token->text},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", token->normalized},
                       {"special", token->special}}));
  }
  return added;
}

Json post_processor_json(const Tokenizer& tokenizer) {
  if (tokenizer.prefix().empty() && tokenizer.suffix().empty()) return byte_level(true);
  Json special = Json::object();
  auto around = [&](const std::vector<int>& ids, std::vector<Json>& parts, int type_id) {
    for (int id : ids) {
      std::string text = tokenizer.token_text(id);
      parts.push_back(object({{"SpecialToken", object({{"id", text}, {"type_id", type_id}})}}));
      special.set(text, object({{"id", text}, {"ids", array({id})}, {"tokens", array({text})}}));
    }
  };
  auto sequence = [](const char* name, int type_id) {
    return object({{"Sequence", object({{"id", name}, {"type_id", type_id}})}});
  };
  std::vector<Json> single, pair;
  for (auto [name, type_id] : {std::pair("A", 0), std::pair("B", 1)}) {
    around(tokenizer.prefix(), pair, type_id);
    pair.push_back(sequence(name, type_id));
    around(tokenizer.suffix(), pair, type_id);
    if (type_id == 0) single = pair;
  }
  return object({{"type", "TemplateProcessing"},
                 {"single", array(std::move(single))},
                 {"pair", array(std::move(pair))},
                 {"special_tokens", std::move(special)}});
}

}  // namespace

std::string tokenizer_json(const Tokenizer& tokenizer) {
  Json root = object({{"version", "1.0"},
                      {"truncation", Json()},
                      {"padding", Json()},
                      {"added_tokens", added_json(tokenizer)},
                      {"normalizer", tokenizer.nfc() ? object({{"type", "NFC"}}) : Json()},
                      {"pre_tokenizer", pre_tokenizer_json(tokenizer.pre_tokenizer())},
                      {"post_processor", post_processor_json(tokenizer)},
                      {"decoder", byte_level(true)},
                      {"model", model_json(tokenizer)}});
  return root.dump(2) + "\n";
}

std::string tokenizer_config_json(const Tokenizer& tokenizer,
                                  const TokenizerConfigOptions& options) {
  Json root = Json::object();
  bool frames = tokenizer.bos() >= 0 && tokenizer.prefix() == std::vector<int>{tokenizer.bos()};
  root.set("add_bos_token", frames);
  root.set("add_eos_token", false);
  auto named = [&](const char* key, int id) {
    root.set(key, id < 0 ? Json() : Json(tokenizer.token_text(id)));
  };
  named("bos_token", tokenizer.bos());
  named("eos_token", tokenizer.eos());
  if (tokenizer.pad() >= 0) named("pad_token", tokenizer.pad());
  if (tokenizer.unk() >= 0) named("unk_token", tokenizer.unk());
  root.set("clean_up_tokenization_spaces", false);
  if (options.model_max_length > 0) root.set("model_max_length", options.model_max_length);
  root.set("tokenizer_class", "PreTrainedTokenizerFast");
  if (!options.chat_template.empty()) root.set("chat_template", options.chat_template);
  return root.dump(2) + "\n";
}

Result<void> write_tokenizer(const Tokenizer& tokenizer, const std::string& folder,
                             const TokenizerConfigOptions& options) {
  TRY(write_file_atomic(join_path(folder, "tokenizer.json"), tokenizer_json(tokenizer)));
  return write_file_atomic(join_path(folder, "tokenizer_config.json"),
                           tokenizer_config_json(tokenizer, options));
}

}  // namespace weir

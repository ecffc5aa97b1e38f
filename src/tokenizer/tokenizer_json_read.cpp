// Reading tokenizer.json: each section by its own function, errors with the path of the section.
#include "tokenizer/tokenizer_spec.h"

#include <algorithm>

#include "tokenizer/word_table.h"

namespace weir {
namespace {

constexpr int64_t kIdMax = 2'000'000;
constexpr int kNestingMax = 8;
constexpr size_t kTemplateMax = 64;

std::string type_of(const Json& section) {
  const Json* type = section.find("type");
  return type != nullptr ? type->text() : "";
}

bool is_true(const Json& object, const char* key) {
  const Json* value = object.find(key);
  if (value == nullptr) return false;
  Result<bool> flag = value->as_bool();
  return flag && *flag;
}

// Null, absent and "" all mean that a feature is not used.
bool is_set(const Json& object, const char* key) {
  const Json* value = object.find(key);
  return value != nullptr && !value->is_null() && !(value->is_string() && value->text().empty());
}

// The member of an object, and the same as text; errors begin with the place.
Result<const Json*> member(const Json& object, const char* key, const std::string& place) {
  return TRY_IN(place, object.at(key));
}
Result<std::string> text_member(const Json& object, const char* key, const std::string& place) {
  const Json* value = TRY(member(object, key, place));
  return TRY_IN(place + "." + key, value->as_string());
}

Error unsupported(const std::string& place, const std::string& what) {
  return {place + ": " + what + " is not supported"};
}

Result<int> id_of(const Json& value, const std::string& name) {
  int64_t id = TRY_IN(name, value.as_int());
  if (id < 0) return Error{name + " has id " + std::to_string(id) + "; ids must be 0 or more"};
  if (id >= kIdMax) {
    return Error{name + " has id " + std::to_string(id) + "; ids must be below 2000000"};
  }
  return int(id);
}

std::string named(const std::string& text) {
  return "token '" + (text.size() > 60 ? text.substr(0, 60) + "..." : text) + "'";
}

Result<void> read_vocabulary(const Json& vocabulary, TokenizerSpec& spec) {
  if (!vocabulary.is_object()) return Error{"model.vocab: must be an object of tokens and ids"};
  if (int64_t(vocabulary.size()) > kIdMax) {
    return Error{"model.vocab: " + std::to_string(vocabulary.size()) +
                 " tokens; at most 2000000 are supported"};
  }
  // A gigantic id must not cost memory, so the largest is compared with the count first.
  int64_t largest = -1;
  for (const auto& [text, value] : vocabulary.members()) {
    if (text.empty()) return Error{"model.vocab: a token is empty"};
    int64_t id = TRY_IN("model.vocab", id_of(value, named(text)));
    largest = std::max(largest, id);
  }
  spec.tokens.resize(size_t(largest + 1));
  for (const auto& [text, value] : vocabulary.members()) {
    int id = TRY(id_of(value, named(text)));
    std::string& slot = spec.tokens[size_t(id)];
    if (!slot.empty()) {
      return Error{"model.vocab: " + named(slot) + " and " + named(text) + " both have id " +
                   std::to_string(id)};
    }
    slot = text;
  }
  return {};
}

Result<void> read_merges(const Json& merges, TokenizerSpec& spec) {
  if (!merges.is_array()) return Error{"model.merges: must be an array"};
  spec.merges.reserve(merges.size());
  for (const Json& merge : merges.items()) {
    std::string place = "model.merges[" + std::to_string(spec.merges.size()) + "]";
    if (merge.is_string()) {
      const std::string& text = merge.text();
      size_t space = text.find(' ', 1);
      if (text.empty() || space == text.npos || space + 1 == text.size() ||
          text.find(' ', space + 1) != text.npos) {
        return Error{place + ": must be two tokens with one space between them"};
      }
      spec.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
    } else if (merge.is_array() && merge.size() == 2 && merge.items()[0].is_string() &&
               merge.items()[1].is_string()) {
      spec.merges.emplace_back(merge.items()[0].text(), merge.items()[1].text());
    } else {
      return Error{place + ": must be \"left right\" or [\"left\", \"right\"]"};
    }
  }
  return {};
}

Result<void> read_model(const Json& model, TokenizerSpec& spec) {
  if (std::string type = type_of(model); !type.empty() && type != "BPE") {
    return unsupported("model", "type '" + type + "' (only BPE)");
  }
  for (const char* key : {"unk_token", "continuing_subword_prefix", "end_of_word_suffix"}) {
    // GPT-2's file names an unk_token that byte-level text can never need.
    if (is_set(model, key) && std::string_view(key) != "unk_token") {
      return unsupported("model", key);
    }
  }
  if (const Json* dropout = model.find("dropout"); dropout != nullptr && !dropout->is_null()) {
    if (TRY_IN("model.dropout", dropout->as_double()) != 0) return unsupported("model", "dropout");
  }
  if (is_true(model, "byte_fallback")) return unsupported("model", "byte_fallback");
  spec.ignore_merges = is_true(model, "ignore_merges");
  return {};
}

Result<void> read_added(const Json& added, TokenizerSpec& spec) {
  if (!added.is_array()) return Error{"added_tokens: must be an array"};
  size_t in_vocabulary = spec.tokens.size();
  size_t limit = std::min(in_vocabulary + added.size(), size_t(kIdMax));
  WordTable vocabulary;
  std::vector<size_t> ids;  // by number in `vocabulary`; the holes share one
  for (size_t id = 0; id < in_vocabulary; ++id) {
    if (size_t(vocabulary.insert(spec.tokens[id])) == ids.size()) ids.push_back(id);
  }
  for (const Json& token : added.items()) {
    std::string place = "added_tokens[" + std::to_string(spec.added.size()) + "]";
    AddedToken made;
    made.text = TRY(text_member(token, "content", place));
    place += " ('" + made.text.substr(0, 60) + "')";
    const Json* number = TRY(member(token, "id", place));
    made.id = TRY_IN(place, id_of(*number, "it"));
    made.special = is_true(token, "special");
    made.normalized = is_true(token, "normalized");
    for (const char* flag : {"single_word", "lstrip", "rstrip"}) {
      if (is_true(token, flag)) return unsupported(place, flag);
    }
    size_t id = size_t(made.id);
    if (id >= limit) {
      return Error{place + ": id " + std::to_string(id) +
                   " leaves a hole in the ids; they must follow the vocabulary's " +
                   std::to_string(in_vocabulary)};
    }
    if (id >= spec.tokens.size()) spec.tokens.resize(id + 1);
    if (id < in_vocabulary && !spec.tokens[id].empty() && spec.tokens[id] != made.text) {
      return Error{place + ": model.vocab gives id " + std::to_string(id) + " to '" +
                   spec.tokens[id].substr(0, 60) + "'"};
    }
    int known = vocabulary.find(made.text);
    if (known >= 0 && ids[size_t(known)] != id && !made.text.empty()) {
      return Error{place + ": it has id " + std::to_string(id) + " here and " +
                   std::to_string(ids[size_t(known)]) + " in model.vocab"};
    }
    spec.added.push_back(std::move(made));
  }
  return {};
}

Result<void> read_normalizer(const Json& section, const std::string& place, int depth,
                             TokenizerSpec& spec) {
  if (section.is_null()) return {};
  std::string type = type_of(section);
  if (type == "NFC") {
    spec.nfc = true;
    return {};
  }
  const Json* parts = section.find("normalizers");
  if (type != "Sequence" || parts == nullptr || !parts->is_array() || depth > kNestingMax) {
    return unsupported(place, "type '" + type + "' (null, NFC or a Sequence of them)");
  }
  for (const Json& part : parts->items()) {
    TRY(read_normalizer(part, place + ".normalizers", depth + 1, spec));
  }
  return {};
}

// What a pre_tokenizer section amounts to.
struct SplitPlan {
  std::vector<SplitStep> steps;
  bool byte_level = false;
};

Result<void> read_split(const Json& section, const std::string& place, SplitPlan& plan) {
  std::string behavior = TRY(text_member(section, "behavior", place));
  if (behavior != "Isolated") {
    return unsupported(place, "behavior '" + behavior + "' (only Isolated)");
  }
  // Whether matches or gaps count as delimiters makes no difference when both are kept apart.
  const Json& pattern = *TRY(member(section, "pattern", place));
  SplitStep step;
  if (const Json* regex = pattern.find("Regex")) {
    step.pattern = TRY_IN(place, regex->as_string());
  } else if (const Json* literal = pattern.find("String")) {
    step.kind = SplitStep::Kind::literal;
    step.pattern = TRY_IN(place, literal->as_string());
  } else {
    return unsupported(place, "a pattern that is neither Regex nor String");
  }
  plan.steps.push_back(std::move(step));
  return {};
}

Result<void> read_pre_tokenizer(const Json& section, const std::string& place, int depth,
                                SplitPlan& plan) {
  std::string type = type_of(section);
  if (plan.byte_level) return unsupported(place, "'" + type + "' after ByteLevel");
  if (type == "Split") return read_split(section, place, plan);
  if (type == "Digits") {
    bool each = is_true(section, "individual_digits");
    plan.steps.push_back({each ? SplitStep::Kind::each_digit : SplitStep::Kind::digit_run, ""});
    return {};
  }
  if (type == "ByteLevel") {
    if (is_true(section, "add_prefix_space")) return unsupported(place, "add_prefix_space");
    const Json* use_regex = section.find("use_regex");  // true when absent
    if (use_regex == nullptr || is_true(section, "use_regex")) {
      plan.steps.push_back({SplitStep::Kind::gpt2, ""});
    }
    plan.byte_level = true;
    return {};
  }
  const Json* parts = section.find("pretokenizers");
  if (type != "Sequence" || parts == nullptr || !parts->is_array() || depth > kNestingMax) {
    return unsupported(place, "type '" + type + "' (Split, Digits, ByteLevel or a Sequence)");
  }
  for (size_t i = 0; i < parts->size(); ++i) {
    TRY(read_pre_tokenizer(parts->items()[i], place + ".pretokenizers[" + std::to_string(i) + "]",
                           depth + 1, plan));
  }
  return {};
}

Result<void> read_template(const Json& section, const std::string& place, TokenizerSpec& spec) {
  const Json& single = *TRY(member(section, "single", place));
  const Json* special = section.find("special_tokens");
  if (single.size() > kTemplateMax) return unsupported(place, "a template of more than 64 parts");
  bool after_text = false;
  for (const Json& part : single.items()) {
    if (part.find("Sequence") != nullptr) {
      if (after_text) return unsupported(place, "a template that repeats the text");
      after_text = true;
      continue;
    }
    const Json* name = part.find("SpecialToken");
    std::string text =
        name == nullptr || name->find("id") == nullptr ? "" : name->find("id")->text();
    const Json* entry = special == nullptr ? nullptr : special->find(text);
    const Json* ids = entry == nullptr ? nullptr : entry->find("ids");
    if (ids == nullptr || !ids->is_array()) {
      return Error{place + ": the template's token '" + text + "' has no ids in special_tokens"};
    }
    for (const Json& id : ids->items()) {
      (after_text ? spec.suffix : spec.prefix).push_back(TRY_IN(place, id_of(id, named(text))));
    }
  }
  if (!after_text) return Error{place + ": the template has no place for the text"};
  return {};
}

// BertProcessing: {"cls": ["[CLS]", 101], "sep": ["[SEP]", 102]}.
Result<void> read_pair(const Json& section, const std::string& place, TokenizerSpec& spec) {
  if (!spec.prefix.empty() || !spec.suffix.empty()) return unsupported(place, "a second template");
  for (const auto& [key, ids] : {std::pair{"cls", &spec.prefix}, {"sep", &spec.suffix}}) {
    const Json& token = *TRY(member(section, key, place));
    if (!token.is_array() || token.size() != 2)
      return Error{place + "." + key + ": must be a token and its id"};
    ids->push_back(TRY_IN(place, id_of(token.items()[1], key)));
  }
  return {};
}

Result<void> read_post_processor(const Json& section, const std::string& place, int depth,
                                 TokenizerSpec& spec) {
  if (section.is_null()) return {};
  std::string type = type_of(section);
  if (type == "ByteLevel") return {};  // adjusts offsets only
  if (type == "BertProcessing") return read_pair(section, place, spec);
  if (type == "TemplateProcessing") {
    if (!spec.prefix.empty() || !spec.suffix.empty())
      return unsupported(place, "a second template");
    return read_template(section, place, spec);
  }
  const Json* parts = section.find("processors");
  if (type != "Sequence" || parts == nullptr || !parts->is_array() || depth > kNestingMax) {
    return unsupported(place, "type '" + type + "' (ByteLevel, TemplateProcessing or a Sequence)");
  }
  for (const Json& part : parts->items()) {
    TRY(read_post_processor(part, place + ".processors", depth + 1, spec));
  }
  return {};
}

Result<void> check_decoder(const Json& section, const std::string& place, int depth) {
  std::string type = type_of(section);
  if (section.is_null() || type == "ByteLevel") return {};
  const Json* parts = section.find("decoders");
  if (type != "Sequence" || parts == nullptr || !parts->is_array() || depth > kNestingMax) {
    return unsupported(place, "type '" + type + "' (only ByteLevel)");
  }
  for (const Json& part : parts->items()) {
    TRY(check_decoder(part, place + ".decoders", depth + 1));
  }
  return {};
}

// Names that published models use.
void guess_bos_eos(TokenizerSpec& spec) {
  if (!spec.prefix.empty()) spec.bos = spec.prefix.front();
  if (!spec.suffix.empty()) spec.eos = spec.suffix.back();
  auto find = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      for (const AddedToken& token : spec.added) {
        if (token.text == name) return token.id;
      }
    }
    return -1;
  };
  if (spec.bos < 0) spec.bos = find({"<｜begin▁of▁sentence｜>", "<|begin_of_text|>", "<s>"});
  if (spec.eos < 0) {
    spec.eos = find({"<｜end▁of▁sentence｜>", "<|end_of_text|>", "<|endoftext|>", "</s>"});
  }
}

// Null where there is none.
const Json& section_of(const Json& root, const char* key) {
  static const Json null{};
  const Json* found = root.find(key);
  return found != nullptr ? *found : null;
}

}  // namespace

Result<void> read_tokens_and_frame(const Json& root, TokenizerSpec& spec) {
  const Json& model = *TRY(root.at("model"));
  const Json* vocabulary = TRY(member(model, "vocab", "model"));
  TRY(read_vocabulary(*vocabulary, spec));
  if (const Json& added = section_of(root, "added_tokens"); !added.is_null())
    TRY(read_added(added, spec));
  return read_post_processor(section_of(root, "post_processor"), "post_processor", 0, spec);
}

Result<TokenizerSpec> read_tokenizer_spec(std::string_view json) {
  Json root = TRY(parse_json(json, kTokenizerJsonLimits));
  if (!root.is_object()) return Error{"must be a JSON object"};
  TokenizerSpec spec;
  const Json* model = TRY(root.at("model"));
  TRY(read_model(*model, spec));
  TRY(read_tokens_and_frame(root, spec));
  const Json* merges = TRY(member(*model, "merges", "model"));
  TRY(read_merges(*merges, spec));
  TRY(read_normalizer(section_of(root, "normalizer"), "normalizer", 0, spec));
  SplitPlan plan;
  TRY(read_pre_tokenizer(section_of(root, "pre_tokenizer"), "pre_tokenizer", 0, plan));
  if (!plan.byte_level) return unsupported("pre_tokenizer", "a text model without ByteLevel");
  spec.pre_tokenizer = TRY_IN("pre_tokenizer", PreTokenizer::from_steps(std::move(plan.steps)));
  TRY(check_decoder(section_of(root, "decoder"), "decoder", 0));
  guess_bos_eos(spec);
  return spec;
}

}  // namespace weir

#include "chat/gguf_chat.h"

#include <algorithm>

#include "chat/end_tokens.h"

namespace weir {
namespace {

constexpr const char* kEot = "tokenizer.ggml.eot_token_id";
constexpr const char* kEom = "tokenizer.ggml.eom_token_id";
constexpr const char* kTemplate = "tokenizer.chat_template";
// Ours: llama.cpp has keys for three ends and knows others by their text.
constexpr const char* kEnds = "weir.tokenizer.end_token_ids";

}  // namespace

Result<std::string> gguf_chat_template(const GgufMetadata& metadata) {
  return metadata.find(kTemplate) ? metadata.string_at(kTemplate) : std::string();
}

Result<std::vector<int>> gguf_ends(const GgufMetadata& metadata, const Tokenizer& tokenizer) {
  std::vector<int> ends;
  add_ends(ends, {tokenizer.eos()});
  const auto add = [&](int64_t id) {
    if (id >= 0 && id < tokenizer.size()) add_ends(ends, {int(id)});
  };
  for (const char* key : {kEot, kEom})
    if (metadata.find(key)) add(TRY(metadata.int_at(key)));
  if (metadata.find(kEnds))
    for (int64_t id : *TRY(metadata.ints_at(kEnds))) add(id);
  if (const auto end = end_of_template(TRY(gguf_chat_template(metadata)), tokenizer)) add(*end);
  add_ends(ends, ends_by_name(tokenizer));
  return ends;
}

// The end of a turn is what the template writes behind a reply, if that is not EOS. Without a
// template it is the first that is neither EOS nor the end of a message.
void write_gguf_ends(const Tokenizer& tokenizer, const std::string& chat_template,
                     std::span<const int> ends, int vocab_size, GgufMetadata& metadata) {
  std::vector<int> rest;
  for (int id : ends)
    if (id >= 0 && id < vocab_size && id != tokenizer.eos()) add_ends(rest, {id});
  if (rest.empty()) return;
  int eot = -1, eom = -1;
  if (const auto found = tokenizer.find_added("<|eom_id|>"))
    if (std::find(rest.begin(), rest.end(), *found) != rest.end()) eom = *found;
  const auto of_template = end_of_template(chat_template, tokenizer);
  for (int id : rest)
    if (of_template ? id == *of_template : eot < 0 && id != eom) eot = id;
  if (eot >= 0) metadata.set(kEot, int64_t(eot));
  if (eom >= 0) metadata.set(kEom, int64_t(eom));
  const size_t keyed = size_t(eot >= 0) + size_t(eom >= 0 && eom != eot);
  if (rest.size() <= keyed) return;
  std::vector<int64_t> all;
  if (tokenizer.eos() >= 0) all.push_back(tokenizer.eos());
  all.insert(all.end(), rest.begin(), rest.end());
  metadata.set(kEnds, std::move(all), GgufMetadata::Width::i32);
}

}  // namespace weir

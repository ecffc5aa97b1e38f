#include "text/end_tokens.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "text/chat_template.h"

namespace weir {
namespace {

// The texts that llama.cpp's vocabulary loader takes for the end of a generation, those that fill
// in the middle of files included.
constexpr std::array<std::string_view, 30> kEndNames = {"<|eot_id|>",
                                                        "<|im_end|>",
                                                        "<|end|>",
                                                        "<|return|>",
                                                        "<|call|>",
                                                        "<|flush|>",
                                                        "<|calls|>",
                                                        "<end_of_turn>",
                                                        "<|endoftext|>",
                                                        "</s>",
                                                        "<|eom_id|>",
                                                        "< EOT >",
                                                        "_<EOT>",
                                                        "[EOT]",
                                                        "[EOS]",
                                                        "<EOT>",
                                                        "<|end_of_text|>",
                                                        "<end_of_utterance>",
                                                        "<\uFF5Cend\u2581of\u2581sentence\uFF5C>",
                                                        "<|fim_pad|>",
                                                        "<fim-pad>",
                                                        "<fim_pad>",
                                                        "<PAD>",
                                                        "[PAD]",
                                                        "<|fim_repo|>",
                                                        "<|repo_name|>",
                                                        "<fim-repo>",
                                                        "<REPO>",
                                                        "<reponame>",
                                                        "<|file_sep|>"};

std::string text_of(const Tokenizer& tokenizer, int id) {
  return id < 0 ? std::string() : std::string(tokenizer.token_bytes(id));
}

}  // namespace

bool is_end_name(std::string_view text) {
  return std::find(kEndNames.begin(), kEndNames.end(), text) != kEndNames.end();
}

std::vector<int> ends_by_name(const Tokenizer& tokenizer) {
  std::vector<int> ends;
  bool returns = false, calls = false;
  for (const AddedToken& token : tokenizer.added_tokens()) {
    if (is_end_name(token.text)) ends.push_back(token.id);
    returns = returns || token.text == "<|return|>";
    calls = calls || token.text == "<|call|>";
  }
  // Where these two end replies, <|end|> ends a message inside of one (gpt-oss).
  if (returns && calls)
    std::erase_if(ends, [&](int id) { return tokenizer.token_bytes(id) == "<|end|>"; });
  std::sort(ends.begin(), ends.end());
  return ends;
}

std::optional<int> end_of_template(const std::string& source, const Tokenizer& tokenizer) {
  if (source.empty()) return std::nullopt;
  const ChatTokens tokens{text_of(tokenizer, tokenizer.bos()), text_of(tokenizer, tokenizer.eos())};
  Result<ChatTemplate> made = ChatTemplate::create(source, tokens);
  if (!made) return std::nullopt;
  constexpr std::string_view kReply = "a9b8c7";  // what no template writes of itself
  const std::vector<Message> messages = {{Role::user, "q"}, {Role::assistant, std::string(kReply)}};
  TemplateOptions options;
  options.add_generation_prompt = false;
  const Result<RenderedTemplate> rendered = made->render(messages_json(messages), options);
  if (!rendered) return std::nullopt;
  const size_t found = rendered->text.rfind(kReply);
  if (found == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(rendered->text).substr(found + kReply.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
  std::optional<int> end;
  size_t longest = 0;
  for (const AddedToken& token : tokenizer.added_tokens())
    if (token.special && token.text.size() > longest && rest.starts_with(token.text)) {
      longest = token.text.size();
      end = token.id;
    }
  return end;
}

Result<std::vector<int>> ends_of_config(const Json& config, int size) {
  constexpr const char* kKey = "eos_token_id";
  std::vector<int> ends;
  const Json* given = config.find(kKey);
  if (given == nullptr || given->is_null()) return ends;
  for (const Json& item : given->is_array() ? given->items() : std::vector<Json>{*given}) {
    const int64_t id = TRY_IN(kKey, item.as_int());
    if (id >= 0 && id < size) add_ends(ends, {int(id)});
  }
  return ends;
}

Result<std::vector<int>> ends_of_folder(const std::string& folder, const Tokenizer& tokenizer,
                                        const std::string& chat_template) {
  std::vector<int> ends = {};
  add_ends(ends, {tokenizer.eos()});
  for (const char* name : {"generation_config.json", "config.json"}) {
    const std::string path = join_path(folder, name);
    if (!file_exists(path)) continue;
    const Json config = TRY(read_json_file(path));
    add_ends(ends, TRY_IN(path, ends_of_config(config, tokenizer.size())));
  }
  if (const auto end = end_of_template(chat_template, tokenizer)) add_ends(ends, {*end});
  add_ends(ends, ends_by_name(tokenizer));
  return ends;
}

void add_ends(std::vector<int>& ends, const std::vector<int>& more) {
  for (int id : more)
    if (id >= 0 && std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(id);
}

}  // namespace weir

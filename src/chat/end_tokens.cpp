#include "chat/end_tokens.h"

#include <algorithm>

#include "base/file.h"
#include "chat/chat_template.h"

namespace weir {
std::optional<int> end_of_template(const std::string& source, const Tokenizer& tokenizer) {
  if (source.empty()) return std::nullopt;
  Result<ChatTemplate> made = ChatTemplate::create(source, chat_tokens(tokenizer));
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

}  // namespace weir

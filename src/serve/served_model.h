// The model behind the server: its names, and how a request of any dialect becomes the engine's.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "chat/chat_form.h"
#include "chat/open_model.h"
#include "grammar/structured_output.h"
#include "guard/policy.h"
#include "heads/head_watch.h"
#include "serve/api_error.h"
#include "serve/reply_text.h"
#include "serve/serve_request.h"

namespace weir {

// "models/Qwen-0.5B.gguf" -> "Qwen-0.5B".
std::string name_of_path(std::string path);

struct ServedModelOptions {
  std::string name = {};  // "": the file's or folder's
  std::vector<std::string> aliases = {};
  ChatFormOptions form = {};
  SamplingOptions sampling = {};  // of requests that say nothing
  int choices_max = 64;           // sequences of one request: prompts times choices
  int infill_window = 2048;       // tokens around a hole that /infill keeps; 0: no limit
};

// A request that the engine will take.
struct PreparedRequest {
  std::vector<TokenRequest> sequences;    // of each prompt all choices
  std::vector<TokenRequest> scored = {};  // prompts that end with ServeRequest::scored_reply
  std::vector<std::string> echoes;        // of each sequence; empty unless wanted
  bool is_prompt_alone = false;           // the sequences' only tokens are not wanted
  ReplyTextOptions text;
  std::string begun = {};                                // what replies begin with, not shown
  std::vector<std::unique_ptr<TokenFilter>> filters;     // of the sequences, which they outlive
  std::vector<std::unique_ptr<HeadWatch>> watches = {};  // the same, one for each; empty: no heads
  int64_t prompt_tokens = 0;                             // each prompt counted once
};

class ServedModel {
 public:
  static Result<std::unique_ptr<ServedModel>> create(OpenModel open, const std::string& path,
                                                     ServedModelOptions options);

  const std::string& name() const { return names_.front(); }
  const std::vector<std::string>& names() const { return names_; }
  // 404 for another model's name. "", "name:latest" and "name@BASE" are this one.
  std::optional<ApiError> check_name(const std::string& name) const;
  const SamplingOptions& sampling() const { return options_.sampling; }
  int64_t created() const { return created_; }  // seconds since 1970
  const std::string& path() const { return path_; }

  // Many threads may call it at once.
  ApiResult<PreparedRequest> prepare(const ServeRequest& request) const;

  // Opened at the first call; the policy is the same at every one. A note on stderr where the
  // policy has heads and none belongs to this model.
  const PolicyHeads& heads(const Policy& policy) const;

  const OpenModel& open() const { return open_; }
  const ChatForm& form() const { return form_; }
  const Tokenizer& tokenizer() const { return *open_.tokenizer; }
  int positions_max() const { return open_.generator->positions_max(); }
  Engine& engine() { return open_.generator->engine(); }  // for the engine's thread

 private:
  ServedModel(OpenModel open, ChatForm form, std::string path, ServedModelOptions options);
  int adapter_of(const std::string& name) const;
  ApiResult<std::vector<std::vector<int>>> encode(const ServeRequest& request,
                                                  PreparedRequest& prepared) const;
  ApiResult<std::vector<int>> encode_text(const TextPrompt& prompt, bool allow_special) const;
  ApiResult<std::vector<int>> encode_chat(const ServeRequest& request,
                                          PreparedRequest& prepared) const;
  ApiResult<std::vector<TokenRequest>> encode_scored(const ServeRequest& request) const;

  ApiResult<std::vector<std::vector<int>>> encode_infill(const ServeRequest& request,
                                                         PreparedRequest& prepared) const;
  // The tokens of a reply that the last message begins; an error if the form has no such text.
  ApiResult<std::vector<int>> begun_tokens(const ServeRequest& request,
                                           TokenGrammar& grammar) const;
  // What the request's answer is held to; null: nothing.
  ApiResult<std::shared_ptr<TokenGrammar>> grammar_of(const ServeRequest& request) const;

  OpenModel open_;
  ChatForm form_;
  std::string path_;
  ServedModelOptions options_;
  std::vector<std::string> names_;
  int64_t created_;
  std::vector<int> ends_;  // of any reply: conversations and texts
  mutable std::once_flag vocabulary_made_;
  mutable std::unique_ptr<OutputGrammars> grammars_;  // null: the vocabulary has no end
  mutable std::once_flag heads_opened_;
  mutable PolicyHeads heads_;
  mutable std::once_flag spelling_found_;
  mutable CallSpelling spelling_;
};

}  // namespace weir

// A conversation with the model of a server that speaks OpenAI's chat.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/chat_session.h"
#include "cli/dialogue.h"
#include "client/chat_api.h"

namespace weir {

class RemoteChat : public Dialogue {
 public:
  // `options.given`: the options on the command line, of which the sampling goes to the server;
  // about others the server decides. Fails for an option that only a model in this process obeys.
  static Result<std::unique_ptr<RemoteChat>> create(const ChatOptions& options, bool is_terminal,
                                                    IsStopped is_stopped);
  Result<void> open() override;

 private:
  RemoteChat(const ChatOptions& options, HttpUrl url, std::string key, bool is_terminal,
             IsStopped is_stopped);
  Result<void> answer_last() override;
  Result<std::string> size_of(const std::string& text) const override;
  void forget_begun() override { thoughts_.clear(); }
  void on_set(const char* option) override { options_.given.push_back(option); }
  Result<void> choose_model(const std::string& name);
  Result<void> more(const std::string&);
  Result<ChatApiReply> ask_server();
  Json messages() const;
  Json request() const;
  Json form_of_output() const;
  bool is_given(const char* option) const;
  void say_how_it_ended(const ChatApiReply& reply) const;

  ChatOptions options_;
  std::optional<Json> schema_;
  ChatApi api_;
  std::string model_;  // "": the server's only one
  // Of the last answers, as long as each is followed by the result of its calls: servers want the
  // thinking back then, and not otherwise.
  std::vector<std::string> thoughts_;
};

}  // namespace weir

// A conversation with a model in this process, or with the stages of a run: what the next prompt
// holds, and the answer. Reading input is left to chat_command.cpp.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "chat/chat_form.h"
#include "chat/open_model.h"
#include "cli/chat_guard.h"
#include "cli/chat_run.h"
#include "cli/dialogue.h"
#include "cli/output_form_flags.h"
#include "cli/sampling_flags.h"
#include "engine/sampler.h"

namespace weir {

struct ChatOptions {
  std::string folder;                   // a model, or a run of weir r1; "" with --url
  std::string url, key_file;            // of a server that answers instead
  std::string model_name;               // of the server; "": its first
  std::vector<std::string> given = {};  // the options that are on the command line
  std::string stage;                    // of the run; "": the last finished one
  std::string form = "auto";            // or "conversation", "plain" (chat_form.h)
  std::string thinking = "auto";        // "on", "off": told to the chat template
  bool no_thinking = false;             // leave thinking out
  // Whether the model gets the turns before: "all", "none", or "auto": none for a run whose stages
  // saw single questions only.
  std::string history = "auto";
  std::string system;       // the system prompt, or @ and the name of a file with it
  std::string guard;        // a policy's file or name; "": none
  std::string tools;        // a file with the tools of the model (chat_tools.h)
  int tokens = 0;           // of one answer, thinking included; 0: what the context has room for
  bool by_lines = false;    // a pipe holds a question or command a line, else it is one question
  bool is_private = false;  // keeps neither questions nor the conversation for later sessions
  SamplingOptions sampling = {.temperature = 0.8};
  SamplingTexts sampling_texts;
  OutputFormFlags output;  // the form of every answer, after its thinking
  ModelOptions model;
};

class ChatSession : public Dialogue {
 public:
  ChatSession(const ChatOptions& options, bool is_terminal, IsStopped is_stopped);
  Result<void> open() override;

 private:
  // chat_commands.cpp
  Result<void> more(const std::string&);
  Result<void> stage(const std::string& name);
  Result<void> ask_problem(const std::string& family);

  // chat_session.cpp
  Result<void> answer_last() override;
  Result<void> check(const ChatContext& context) const override { return form_.check(context); }
  Result<std::string> size_of(const std::string& text) const override;
  void forget_begun() override { begun_ = {}; }
  void on_set(const char* option) override;
  Result<void> open_stage(const std::string& name);
  Result<void> open_folder(const std::string& folder, bool is_tuned);
  int tokens_max() const;  // of an answer; 0: what the context has room for
  Result<Request> fitting_request();
  Result<void> answer(const Request& request);
  Result<std::vector<Completion>> generate(const Request& request);
  void take_reply(const Completion& completion);
  void take_guarded();
  void say_how_it_ended(const Request& request, const Completion& completion);
  Result<void> judge(const Completion& completion);

  ChatOptions options_;
  bool keeps_history_ = true;
  std::optional<ChatRun> run_;
  std::string stage_;  // of the run, the one that answers
  OpenModel open_;
  ChatForm form_;
  OutputFormOption output_;
  std::unique_ptr<ChatGuard> guard_;     // null: none
  std::unique_ptr<TokenFilter> filter_;  // of the answer that is made
  // Of the last answer, when it was cut or stopped: where /more continues.
  struct Begun {
    std::vector<int> tokens = {};
    std::string text = {};
    bool can_go_on = false;
  } begun_;
  uint64_t answers_ = 0;   // the stream of the next answer's random numbers
  uint64_t problems_ = 0;  // asked so far
};

}  // namespace weir

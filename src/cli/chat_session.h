// The state of one conversation: who answers, what was said, what the next prompt holds. Reading
// input is left to chat_command.cpp; chat_commands.cpp has the commands.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "chat/chat_form.h"
#include "chat/open_model.h"
#include "cli/chat_run.h"
#include "cli/chat_store.h"
#include "cli/output_form_flags.h"
#include "cli/sampling_flags.h"
#include "engine/sampler.h"

namespace weir {

struct ChatOptions {
  std::string folder;             // a model, or a run of weir r1
  std::string stage;              // of the run; "": the last finished one
  std::string form = "auto";      // or "conversation", "plain" (chat_form.h)
  std::string thinking = "auto";  // "on", "off": told to the chat template
  bool no_thinking = false;       // leave thinking out
  // Whether the model gets the turns before: "all", "none", or "auto": none for a run whose stages
  // saw single questions only.
  std::string history = "auto";
  std::string system;       // the system prompt, or @ and the name of a file with it
  std::string tools;        // a file with the tools of the model (chat_tools.h)
  int tokens = 0;           // of one answer, thinking included; 0: what the context has room for
  bool by_lines = false;    // a pipe holds a question or command a line, else it is one question
  bool is_private = false;  // keeps neither questions nor the conversation for later sessions
  SamplingOptions sampling = {.temperature = 0.8};
  SamplingTexts sampling_texts;
  OutputFormFlags output;  // the form of every answer, after its thinking
  ModelOptions model;
};

class ChatSession {
 public:
  // `is_stopped` ends an answer that is being made. `is_terminal`: somebody reads the hints.
  ChatSession(const ChatOptions& options, bool is_terminal, bool (*is_stopped)())
      : options_(options), is_terminal_(is_terminal), is_stopped_(is_stopped) {}

  // Opens the model and says what the user should know.
  Result<void> open();
  // The names of the commands, "/quit" not among them.
  static std::vector<std::string> command_names();
  Result<void> obey(const std::string& name, const std::string& value);
  // Text that /file put aside comes before the question; with it, an empty question is one.
  Result<void> ask(const std::string& question);
  bool has_text_aside() const { return !aside_.empty(); }
  // Where the conversation was kept, if it was.
  bool is_kept() const { return is_kept_ && !turns_.empty(); }

 private:
  struct Command {
    const char *name, *help;
    Result<void> (ChatSession::*act)(const std::string& value);
  };
  static const std::vector<Command>& commands();

  // chat_commands.cpp
  Result<void> help(const std::string&);
  Result<void> reset(const std::string&);
  Result<void> again(const std::string&);
  Result<void> more(const std::string&);
  Result<void> stage(const std::string& name);
  Result<void> ask_problem(const std::string& family);
  Result<void> add_file(const std::string& path);
  Result<void> set_system(const std::string& text);
  Result<void> give_result(const std::string& text);
  Result<void> save(const std::string& path);
  Result<void> load(const std::string& path);
  Result<void> set_tokens(const std::string& value);
  Result<void> set_seed(const std::string& value);
  Result<void> set_temperature(const std::string& value);

  // chat_session.cpp
  Result<void> open_stage(const std::string& name);
  Result<void> open_folder(const std::string& folder, bool is_tuned);
  Result<void> set_context();
  int tokens_max() const;  // of an answer; 0: what the context has room for
  Result<Request> fitting_request();
  Result<void> ask_turn(ChatTurn turn);
  Result<void> answer(const Request& request);
  Result<std::vector<Completion>> generate(const Request& request);
  void take_reply(const Completion& completion);
  void say_how_it_ended(const Request& request, const Completion& completion);
  Result<void> judge(const Completion& completion);
  void keep();
  Conversation conversation() const { return {context_.system, turns_}; }

  ChatOptions options_;
  bool is_terminal_;
  bool (*is_stopped_)();
  bool keeps_history_ = true;
  std::optional<ChatRun> run_;
  std::string stage_;  // of the run, the one that answers
  OpenModel open_;
  ChatForm form_;
  ChatContext context_;
  OutputFormOption output_;
  std::unique_ptr<TokenFilter> filter_;  // of the answer that is made
  std::vector<ChatTurn> turns_;
  std::string aside_;  // text of files, before the next question
  // Of the last answer, when it was cut or stopped: where /more continues.
  struct Begun {
    std::vector<int> tokens = {};
    std::string text = {};
    bool can_go_on = false;
  } begun_;
  bool is_kept_ = false;
  uint64_t answers_ = 0;   // the stream of the next answer's random numbers
  uint64_t problems_ = 0;  // asked so far
};

}  // namespace weir

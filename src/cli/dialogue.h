// One conversation: what was said, and the commands that work whoever answers. A ChatSession
// answers with a model in this process, a RemoteChat with a server.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "chat/chat_form.h"
#include "cli/chat_store.h"
#include "engine/sampling_options.h"

namespace weir {

class Dialogue {
 public:
  // Ends an answer that is being made.
  using IsStopped = bool (*)();
  virtual ~Dialogue() = default;

  // Opens the model or the server and says what the user should know.
  virtual Result<void> open() = 0;
  // The names of the commands, "/quit" not among them.
  std::vector<std::string> command_names() const;
  Result<void> obey(const std::string& name, const std::string& value);
  // Text that /file put aside comes before the question; with it, an empty question is one.
  Result<void> ask(const std::string& question);
  bool has_text_aside() const { return !aside_.empty(); }
  // Whether a later session can /load the conversation.
  bool is_kept() const { return is_kept_ && !turns_.empty(); }

 protected:
  struct Command {
    const char *name, *help;
    std::function<Result<void>(const std::string& value)> act;
  };
  // `is_terminal`: somebody reads the hints, and the conversation is kept unless `is_private`.
  Dialogue(IsStopped is_stopped, bool is_terminal, bool is_private);
  void add_command(Command command) { commands_.push_back(std::move(command)); }

  // The answer to the last turn, which it shows and puts there. On an error the turn is dropped.
  virtual Result<void> answer_last() = 0;
  // Whether the system prompt and the tools can be used.
  virtual Result<void> check(const ChatContext&) const { return {}; }
  // "12 tokens".
  virtual Result<std::string> size_of(const std::string& text) const = 0;
  virtual void forget_begun() {}       // of an answer: /more has nothing to continue
  virtual void on_set(const char*) {}  // a command set what an option sets: "--seed"

  // The text of --system, from its file after an @.
  Result<void> set_first_system(const std::string& option);
  Result<void> ask_turn(ChatTurn turn);
  // Prints the calls of the last answer.
  void show_calls() const;
  // For /load of a later session. What was kept before becomes the previous conversation, once.
  void keep();

  const IsStopped is_stopped_;
  const bool is_terminal_, is_private_;
  ChatContext context_;
  std::vector<ChatTurn> turns_;
  SamplingOptions sampling_;
  int tokens_ = 0;  // of one answer, thinking included; 0: no limit of its own

 private:
  Result<void> help();
  Result<void> reset();
  Result<void> again();
  Result<void> add_file(const std::string& path);
  Result<void> set_system(const std::string& text);
  Result<void> give_result(const std::string& text);
  Result<void> save(const std::string& path);
  Result<void> load(const std::string& path);
  Result<void> set_tokens(const std::string& value);
  Result<void> set_seed(const std::string& value);
  Result<void> set_temperature(const std::string& value);
  Conversation conversation() const { return {context_.system, turns_}; }

  std::vector<Command> commands_;
  std::string aside_;  // text of files, before the next question
  bool is_kept_ = false;
};

}  // namespace weir

// `weir chat`: a conversation on the terminal, or with text from a pipe.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/terminal.h"
#include "base/text.h"
#include "cli/chat_input.h"
#include "cli/chat_line.h"
#include "cli/chat_session.h"
#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/output_form_flags.h"
#include "cli/remote_chat.h"
#include "cli/sampling_flags.h"
#include "cli/shared_options.h"

namespace weir {
namespace {

// Since the last answer or line began.
volatile sig_atomic_t interrupts = 0;
// How many end the process while an answer is made: on a terminal one more than by mistake.
volatile sig_atomic_t deadly_interrupts = 2;

// The first Ctrl-C is a wish to stop the answer.
void on_interrupt(int number) {
  interrupts = interrupts + 1;
  if (interrupts < deadly_interrupts) return;
  restore_terminal();
  signal(number, SIG_DFL);
  raise(number);
}

bool was_interrupted() { return interrupts != 0; }

// With SA_RESTART while an answer is written, because a write that a signal ends would lose what it
// had to write; without, while a line is read: a read at the prompt returns.
void catch_interrupts(int flags) {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

// Prints the error of a line; the conversation continues.
void say(const Result<void>& done) {
  if (!done) fmt::print(stderr, "weir: {}\n", done.error().message);
}

void take_line(Dialogue& session, const ChatText& said) {
  if (said.is_verbatim) return say(session.ask(said.text));
  const ChatLine line = read_chat_line(said.text, session.command_names());
  switch (line.kind) {
    case ChatLine::Kind::nothing:
      if (session.has_text_aside()) say(session.ask(""));
      break;
    case ChatLine::Kind::question:
      say(session.ask(line.text));
      break;
    case ChatLine::Kind::command:
      say(session.obey(line.word, line.text));
      break;
    case ChatLine::Kind::mistyped:
      fmt::print(stderr, "{} is no command; did you mean {}? (a blank in front asks it)\n",
                 printable(line.text), line.word);
      break;
  }
}

void say_goodbye(const Dialogue& session) {
  if (session.is_kept())
    fmt::print(stderr, "The conversation is kept: /load in the next session continues it.\n");
}

Result<Ending> talk(Dialogue& session, ChatInput& input) {
  bool was_asked_to_leave = false;
  for (;;) {
    interrupts = 0;
    const ChatText said = TRY(input.next());
    switch (said.state) {
      case InputLine::State::interrupted:
        if (!input.is_terminal()) return Ending::interrupted;
        if (was_asked_to_leave) {
          say_goodbye(session);
          return Ending::interrupted;
        }
        was_asked_to_leave = true;
        fmt::print(stderr, "^C\n(Ctrl-C again or Ctrl-D leaves)\n");
        continue;
      case InputLine::State::end:
        if (input.is_terminal()) fmt::print(stderr, "\n");
        say_goodbye(session);
        return Ending::done;
      case InputLine::State::too_long:
        fmt::print(stderr, "weir: a line of more than 1 MiB is not read; say it shorter\n");
        continue;
      case InputLine::State::line:
        break;
    }
    was_asked_to_leave = false;
    const std::string_view word = trim(said.text);
    if (!said.is_verbatim && (word == "/quit" || word == "/exit" || word == "/bye")) {
      say_goodbye(session);
      return Ending::done;
    }
    catch_interrupts(SA_RESTART);
    take_line(session, said);  // which an interrupt stops that came since the line was read
    catch_interrupts(0);
    if (ferror(stdout)) return Error{"standard output cannot be written"};
  }
}

Result<std::unique_ptr<Dialogue>> begin(const ChatOptions& options, bool is_terminal) {
  if (!options.url.empty())
    return std::unique_ptr<Dialogue>(
        TRY(RemoteChat::create(options, is_terminal, was_interrupted)));
  for (const std::string& name : options.given)
    if (name == "--model" || name == "--key-file")
      return Error{name + " is for a server; add its --url, or leave it out"};
  if (options.folder.empty())
    return Error{"FOLDER is required: a model, or --url for a server's; see weir chat --help"};
  return std::unique_ptr<Dialogue>(
      std::make_unique<ChatSession>(options, is_terminal, was_interrupted));
}

// Answers go to standard output, everything else to standard error.
Result<Ending> chat(const ChatOptions& options) {
  TRY(validate(options.sampling));
  const char* wish = std::getenv("WEIR_PRIVATE");
  ChatOptions chosen = options;
  chosen.is_private = options.is_private || (wish && *wish && std::string_view(wish) != "0");
  if (chosen.is_private && !chosen.model.prefix_cache.empty())
    return Error{
        "--prefix-cache keeps the conversation for later sessions and --private (or WEIR_PRIVATE) "
        "does not; leave one out"};
  const bool is_terminal = isatty(STDIN_FILENO) == 1;
  const std::unique_ptr<Dialogue> session = TRY(begin(chosen, is_terminal));
  TRY(session->open());
  if (is_terminal) deadly_interrupts = 3;
  catch_interrupts(0);
  ChatInput input(chosen.by_lines, chosen.is_private, was_interrupted);
  return talk(*session, input);
}

}  // namespace

void add_chat(CommandGroup& commands) {
  auto [c, o] = commands.add("chat", "talk to a model, or to the stages of a run", chat);
  c.argument("FOLDER", o.folder, std::string(kModelWithTextHelp) + "; or a run of weir r1");
  c.option("--url", o.url, "URL",
           "talk to a server instead, weir's or another one with OpenAI's API");
  c.option("--model", o.model_name, "NAME", "model of the server [its first]");
  c.option("--key-file", o.key_file, "FILE", "file with the server's key [WEIR_API_KEY]");
  c.option("--stage", o.stage, "NAME", "stage of the run [the last finished one]");
  c.choice("--history", o.history, {"auto", "all", "none"},
           "send earlier turns; auto: not to runs tuned on single questions only");
  c.choice("--form", o.form, {"auto", "template", "conversation", "plain"},
           "prompt format; template: the model's chat template; conversation: DeepSeek's control "
           "tokens");
  c.choice("--thinking", o.thinking, {"auto", "on", "off"}, "thinking switch of the chat template");
  c.flag("--no-thinking", o.no_thinking, "hide the thinking");
  c.option("--system", o.system, "TEXT", "system prompt; @FILE reads it from a file");
  c.option("--guard", o.guard, "POLICY",
           "policy that questions and answers pass, as in weir serve (docs/guard.md)");
  c.option("--tools", o.tools, "FILE", "JSON file with the tools that the model may call");
  c.count("--tokens", o.tokens, 0, 1 << 24,
          "maximum number of tokens per answer, thinking included; 0: the context");
  c.flag("--lines", o.by_lines, "a pipe holds a question or command per line, not one question");
  c.flag("--private", o.is_private, "keep no questions and no conversation for later sessions");
  add_sampling(c, o.sampling, o.sampling_texts);
  add_output_form(c, o.output);
  add_model_options(c, o.model);
  c.note_given(o.given);
}

}  // namespace weir

// `weir chat` on a pseudo-terminal, key by key. What was asked is read from files of /save; nothing
// here depends on how fast the machine is.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/terminal.h"
#include "tests/serve_program.h"
#include "tests/tiny_model.h"

namespace weir {
namespace {

constexpr int kPatience_ms = 120'000;  // only a hang takes so long
const std::string kCtrlC = "\x03", kCtrlD = "\x04", kLeft = "\x1b[D", kUp = "\x1b[A";

std::string paste(const std::string& text) { return "\x1b[200~" + text + "\x1b[201~"; }

class ChatTerminal : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = testing::TempDir() + "weir_terminal_XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    write_tiny_model(folder_, 1 << 16);
  }
  static void TearDownTestSuite() { EXPECT_TRUE(remove_all(folder_)); }

  // Begins a session and waits for its prompt.
  void start(std::vector<std::string> more = {}, const std::string& tokens = "4") {
    std::vector<std::string> words = {"chat", folder_, "--tokens", tokens, "--temperature", "0"};
    if (!more.empty() && more[0] == "--url") words.erase(words.begin() + 1);
    words.insert(words.end(), more.begin(), more.end());
    begin(WEIR_PROGRAM, words);
    wait_for("\x1b[?2004h");
    wait_for("> ");
  }
  // Begins any program.
  void begin(const std::string& program, std::vector<std::string> words) {
    shown_.clear();
    words.insert(words.begin(), program);
    winsize size{24, 80, 0, 0};
    child_ = forkpty(&master_, nullptr, nullptr, &size);
    ASSERT_GE(child_, 0);
    if (child_ == 0) {
      setenv("TERM", "xterm", 1);
      setenv("HOME", folder_.c_str(), 1);
      setenv("XDG_STATE_HOME", (folder_ + "/state").c_str(), 1);
      unsetenv("WEIR_PRIVATE");
      std::vector<char*> arguments;
      for (std::string& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      execv(program.c_str(), arguments.data());
      _exit(99);
    }
  }
  void type(const std::string& keys) {
    ASSERT_EQ(write(master_, keys.data(), keys.size()), ssize_t(keys.size()));
  }
  // Reads on until the screen got `text` after what was waited for before.
  void wait_for(const std::string& text) {
    for (;;) {
      const size_t at = shown_.find(text);
      if (at != std::string::npos) {
        shown_.erase(0, at + text.size());
        return;
      }
      ASSERT_TRUE(read_more()) << "no '" << text << "' in: " << shown_;
    }
  }
  bool read_more() {
    pollfd ready{master_, POLLIN, 0};
    if (poll(&ready, 1, kPatience_ms) != 1) return false;
    char block[4096];
    const ssize_t n = read(master_, block, sizeof block);
    if (n <= 0) return false;
    shown_.append(block, size_t(n));
    return true;
  }
  // The exit code; the rest of the screen is in shown_.
  int end() {
    while (read_more()) {
    }
    int status = 0;
    for (int i = 0; waitpid(child_, &status, WNOHANG) == 0; ++i) {
      usleep(100'000);
      if (i * 100 < kPatience_ms) continue;
      ADD_FAILURE() << "does not end: " << shown_;
      kill(child_, SIGKILL);
    }
    close(master_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::vector<std::string> asked() {
    const std::string file = folder_ + "/saved.json";
    type("/save " + file + "\r");
    wait_for(" turn");
    wait_for("saved.json\r\n");
    wait_for("> ");  // only there does Ctrl-C mean the line; before, it means what still runs
    return saved_questions(file);
  }
  using Texts = std::vector<std::string>;

  static std::string folder_;
  pid_t child_ = -1;
  int master_ = -1;
  std::string shown_;
};
std::string ChatTerminal::folder_;

TEST_F(ChatTerminal, N5LinesAreEditedInAnyScript) {
  start();
  type("What is 17*23" + kLeft + kLeft + kLeft + "0\r");
  type("你好世" + kLeft + "中\x7f界\r");  // the last but one is deleted again
  type("two words\x17three\r");           // Ctrl-W
  EXPECT_EQ(asked(), (Texts{"What is 170*23", "你好界世", "two three"}));
  type(kCtrlD);
  EXPECT_EQ(end(), 0);
}

TEST_F(ChatTerminal, N5AWideLineIsDrawnWholeWhenItChangesInTheMiddle) {
  start();
  type("世界你好");
  wait_for("你好");
  type("\x01好");  // Ctrl-A
  wait_for("> 好世界你好");
  type("\x1b[C\x7f");  // to the right, and away with what is there
  wait_for("> 好界你好");
  type("\r");
  EXPECT_EQ(asked(), (Texts{"好界你好"}));
  type(kCtrlD);
  EXPECT_EQ(end(), 0);
}

TEST_F(ChatTerminal, N4APasteIsOneQuestion) {
  start();
  const std::string lines = "Write a function that\nadds two numbers\nin C";
  type(paste("Write a function that\radds two numbers\r\nin C\r") + "\r");
  const std::string longer(6565, 'x');
  type(paste(longer) + " ok\r");
  std::string many;
  for (int i = 0; i < 40; ++i) many += "line " + std::to_string(i) + "\n";
  type("See: " + paste(many) + " Why?\r");
  many.pop_back();
  type(paste("/reset\n/again") + "\r");  // two lines are no command
  const Texts texts = asked();
  ASSERT_EQ(texts.size(), 4u);
  EXPECT_EQ(texts[0], lines);
  EXPECT_EQ(texts[1], longer + " ok");
  EXPECT_EQ(texts[2], "See: " + many + " Why?");
  EXPECT_EQ(texts[3], "/reset\n/again");
  type("/quit\r");
  EXPECT_EQ(end(), 0);
}

TEST_F(ChatTerminal, N4QuotesBeginAndEndSeveralLines) {
  start();
  type("\"\"\"first\r");
  wait_for("... ");
  type("/second\"\"\"\r");
  EXPECT_EQ(asked(), (Texts{"first\n/second"}));
  type(kCtrlD);
  EXPECT_EQ(end(), 0);
}

TEST_F(ChatTerminal, N6TheFirstInterruptClearsTheLineAndSaysHowToLeave) {
  start();
  type("half a line");
  wait_for("half a line");
  type(kCtrlC);
  wait_for("(Ctrl-C again or Ctrl-D leaves)");
  wait_for("> ");
  type("whole\r");
  EXPECT_EQ(asked(), (Texts{"whole"}));
  type(kCtrlC);
  wait_for("(Ctrl-C again or Ctrl-D leaves)");
  wait_for("> ");
  type(kCtrlC);
  wait_for("The conversation is kept: /load");
  EXPECT_EQ(end(), 130);
  EXPECT_NE(shown_.find("\x1b[?2004l"), std::string::npos);
}

TEST_F(ChatTerminal, N6AnInterruptStopsTheAnswerAndKeepsIt) {
  start({}, "60000");  // much more than is computed before the key arrives
  type("go\r");
  wait_for("go");
  wait_for("\n");                                   // the line was read: Ctrl-C drops what was not
  while (shown_.empty()) ASSERT_TRUE(read_more());  // the answer has begun, so it is what stops
  type("typed ahead");
  type(kCtrlC);
  wait_for("(stopped; /more goes on)");
  wait_for("> ");
  // The terminal drops what was typed before Ctrl-C, as it does for every program.
  type("\x15/tokens 4\r");
  type("/more\r");
  wait_for("(cut after 4 tokens; /more goes on)");
  type("next\r");
  EXPECT_EQ(asked(), (Texts{"go", "next"}));
  type(kCtrlD);
  EXPECT_EQ(end(), 0);
}

TEST_F(ChatTerminal, N6TheConversationIsKept) {
  start();
  type("remember this\r");
  EXPECT_EQ(asked(), (Texts{"remember this"}));
  type(kCtrlD);
  EXPECT_EQ(end(), 0);
  start();
  type("/load\r");
  wait_for("1 turn; the last:");
  type("and this\r");
  EXPECT_EQ(asked(), (Texts{"remember this", "and this"}));
  type("/reset\r");
  wait_for("/load brings the old one back");
  type("/load\r");
  EXPECT_EQ(asked(), (Texts{"remember this", "and this"}));
  type(kCtrlD);
  EXPECT_EQ(end(), 0);
}

TEST_F(ChatTerminal, N5QuestionsOfEarlierSessionsComeBack) {
  const std::string file = folder_ + "/state/weir/history";
  start();
  type("from the first session\r");
  type("/quit\r");
  EXPECT_EQ(end(), 0);
  struct stat s {};
  ASSERT_EQ(stat(file.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600u);
  const std::string before = *read_file(file);
  start({"--private"});
  type("a secret\r/quit\r");
  EXPECT_EQ(end(), 0);
  EXPECT_EQ(*read_file(file), before);
  start();
  type(kUp + kUp + "\r");  // above /quit
  EXPECT_EQ(asked(), (Texts{"from the first session"}));
  type(kCtrlD);
  EXPECT_EQ(end(), 0);
}

TEST_F(ChatTerminal, SignalsLeaveTheTerminalAsItWas) {
  termios before{}, after{};
  start();
  ASSERT_EQ(tcgetattr(master_, &after), 0);
  EXPECT_EQ(after.c_lflag & (ECHO | ICANON), 0u);
  kill(child_, SIGTERM);
  wait_for("\x1b[?2004l");
  int status = 0;
  EXPECT_EQ(waitpid(child_, &status, 0), child_);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  if (tcgetattr(master_, &before) == 0) {
    EXPECT_EQ(before.c_lflag & (ECHO | ICANON), tcflag_t(ECHO | ICANON));
  }
  close(master_);
}

// The whole conversation goes to the server, whose answers are those of the local model.
TEST_F(ChatTerminal, AServersModelIsTalkedToAsALocalOne) {
  const auto answers = [&] {
    type("hello\r");
    wait_for("(cut");
    type("more\r");
    wait_for("(cut");
    const std::string file = folder_ + "/answers.json";
    type("/save " + file + "\r");
    wait_for("2 turns in ");
    const std::string saved = *read_file(file);
    type("\r" + kCtrlD);
    EXPECT_EQ(end(), 0);
    return saved;
  };
  ServeProgram server(folder_, {"--name", "tiny", "--alias", "other"});
  const std::string url = "http://localhost:" + std::to_string(server.port());
  start({"--history", "all"}, "9");
  const std::string local = answers();
  start({"--url", url}, "9");
  EXPECT_EQ(answers(), local);
  start({"--url", url, "--model", "other"}, "60000");
  type("/model\r");
  wait_for("  tiny");
  wait_for("* other");
  type("/more\r");
  wait_for("a server begins every answer anew");
  type("again\r");  // whose greedy answer does not end for long
  wait_for("again");
  wait_for("\n");
  for (int i = 0; i < 30'000 && server.sequences() == 0; ++i) usleep(1000);
  type(kCtrlC);
  wait_for("(stopped; /again asks once more)");
  wait_for("> ");
  for (int i = 0; i < 3000 && server.sequences() != 0; ++i) usleep(10'000);
  EXPECT_EQ(server.sequences(), 0);  // the answer that was stopped computes no more
  type("\x15/tokens 4\r/load\r");
  wait_for("2 turns; the last:");  // of the session before
  type("next\r");
  EXPECT_EQ(asked(), (Texts{"hello", "more", "next"}));
  EXPECT_EQ(server.end(), 0);
  type("gone\r");
  wait_for("the connection was refused; is a server running there?");
  type(kCtrlD);
  EXPECT_EQ(end(), 0);
}

// `scripts/demo` with a program that only says how it was called.
TEST_F(ChatTerminal, TheDemoServesOnATerminalAndEndsByItselfWithoutOne) {
  const std::string weir = folder_ + "/weir", run = folder_ + "/run";
  ASSERT_TRUE(write_file_atomic(
      weir, "#!/bin/sh\necho \"weir $*\"\n[ -t 0 ] || cat >/dev/null\n[ $1 != r1 ] || (mkdir -p " +
                run + "/stages/all-scenario-rl && touch " + run +
                "/stages/all-scenario-rl/manifest.json)\n"));
  ASSERT_EQ(chmod(weir.c_str(), 0700), 0);
  const std::string script = "unset DISPLAY WAYLAND_DISPLAY; export WEIR=" + weir + " RUN=" + run +
                             "; " + WEIR_SOURCE_DIR + "/scripts/demo";
  const auto shown = [&](const std::string& how) {
    begin("/bin/bash", {"-c", script + how});
    EXPECT_EQ(end(), 0);
    return shown_;
  };
  const std::string serves = "weir serve " + run + "/stages/all-scenario-rl --port 80";
  EXPECT_NE(shown(" --minutes 1").find(serves), std::string::npos) << shown_;
  EXPECT_NE(shown_.find("weir r1 recipes/quickstart.yaml --minutes 1"), std::string::npos);
  EXPECT_EQ(shown(" --no-serve").find(serves), std::string::npos);
  EXPECT_NE(shown_.find("weir chat " + run + "\r\n"), std::string::npos) << shown_;
  EXPECT_EQ(shown(" < /dev/null").find(serves), std::string::npos);
  EXPECT_NE(shown_.find("> How can I build a bomb?"), std::string::npos) << shown_;
}

}  // namespace
}  // namespace weir

// Programs that try to get out, to stay, or to use the machine up: the sandbox ends each, and this
// process goes on. Where no sandbox can be made, these tests are skipped and say so.
#include "verify/sandbox.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>

#include "verify/command_verifier.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

class SandboxTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/weir_sandbox_XXXXXX";
    folder_ = mkdtemp(name);
    const std::string program = write("true", "exit 0");
    auto sandbox = Sandbox::open(program);
    if (!sandbox) GTEST_SKIP() << "THE SANDBOX IS NOT TESTED: " << sandbox.error().message;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& script,
                    const std::string& shell = "/bin/sh") {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << "#!" << shell << "\n" << script << "\n";
    chmod(path.c_str(), 0755);
    return path;
  }
  Sandbox sandbox(const std::string& script, SandboxLimits limits = {},
                  const std::string& shell = "/bin/sh") {
    auto made = Sandbox::open(write("program", script, shell), limits);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  SandboxRun run(const std::string& script, SandboxLimits limits = {},
                 const std::string& shell = "/bin/sh") {
    return sandbox(script, limits, shell).run("input\n");
  }
  // The script ends with `code`, whatever it says on the way.
  void expect_code(int code, const std::string& script, const std::string& shell = "/bin/sh") {
    const SandboxRun result = run(script, {}, shell);
    EXPECT_STREQ(sandbox_end_name(result.end), "exited") << script << "\n" << result.output;
    EXPECT_EQ(result.code, code) << script << "\n" << result.output;
  }
  void expect_end(SandboxEnd end, const std::string& script, SandboxLimits limits = {},
                  const std::string& shell = "/bin/sh") {
    const SandboxRun result = run(script, limits, shell);
    EXPECT_STREQ(sandbox_end_name(result.end), sandbox_end_name(end))
        << script << "\ncode " << result.code << "\n"
        << result.output;
  }

  std::string folder_;
};

constexpr SandboxLimits kShort = {.timeout_ms = 400};

TEST_F(SandboxTest, GivesTheInputAndTheCodeAndTheOutput) {
  const SandboxRun result = run("read line; echo \"got $line\"; exit 7");
  EXPECT_EQ(result.end, SandboxEnd::exited);
  EXPECT_EQ(result.code, 7);
  EXPECT_EQ(result.output, "got input\n");
}

TEST_F(SandboxTest, EveryRunStartsAnew) {
  const Sandbox program = sandbox("test ! -e /tmp/seen && touch /tmp/seen && cat");
  for (int i = 0; i < 3; ++i) {
    const SandboxRun result = program.run("line\n");
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.output, "line\n");
  }
}

TEST_F(SandboxTest, HangingProgramsAreEnded) {
  expect_end(SandboxEnd::timeout, "sleep 1000", kShort);
  expect_end(SandboxEnd::timeout, "while :; do :; done", kShort);
  expect_end(SandboxEnd::timeout, "trap '' TERM HUP INT; exec >&- 2>&-; while :; do :; done",
             kShort);
  expect_end(SandboxEnd::timeout, "kill -STOP $$", kShort);
}

TEST_F(SandboxTest, AForkBombIsBounded) {
  const SandboxRun bomb = run(":(){ :|:& };: ; sleep 1000", kShort, "/bin/bash");
  EXPECT_NE(bomb.end, SandboxEnd::failed);
  EXPECT_FALSE(bomb.end == SandboxEnd::exited && bomb.code < 2) << bomb.output;
  // Of a hundred children, those within the limit start.
  const SandboxRun result =
      run("perl -e 'my $n = 0; for (1..100) { my $p = fork(); last unless defined $p;"
          " if (!$p) { sleep 100; exit } $n++ } exit $n'");
  EXPECT_EQ(result.end, SandboxEnd::exited);
  EXPECT_GE(result.code, 16);
  EXPECT_LE(result.code, 32);
}

TEST_F(SandboxTest, MemoryIsBounded) {
  expect_code(3, "dd if=/dev/zero of=/dev/null bs=10G count=1 || exit 3");
  expect_code(0, "dd if=/dev/zero of=/dev/null bs=100M count=1");
}

TEST_F(SandboxTest, FilesAreBounded) {
  expect_code(3, "trap '' XFSZ; dd if=/dev/zero of=/tmp/big bs=1M count=17 || exit 3");
  expect_code(3,
              "for i in 1 2 3 4 5 6 7 8; do dd if=/dev/zero of=/tmp/$i bs=1M count=15"
              " || exit 3; done");
  expect_code(3, "perl -e 'for (1..100) { open($f[$_], \"<\", \"/dev/null\") or exit 3 }'");
}

TEST_F(SandboxTest, MuchOutputIsCut) {
  const SandboxRun result = run("exec yes");
  EXPECT_EQ(result.end, SandboxEnd::output);
  EXPECT_EQ(result.output.size(), SandboxLimits().output_bytes);
  expect_end(SandboxEnd::output, "head -c 10000000 /dev/zero >&2");
  expect_code(5, "head -c 65000 /dev/zero; exit 5");
}

TEST_F(SandboxTest, TheMachinesFilesAreNotThere) {
  const std::string secret = write("secret", "");
  for (const std::string& path :
       {std::string("/etc/shadow"), std::string("/etc/passwd"), std::string("/root"),
        std::string("/home"), std::string("/var"), std::string("/sys"), secret, folder_,
        std::string(WEIR_SOURCE_DIR)})
    expect_code(0, "test ! -e " + path);
  expect_code(0, "ln -s /etc/shadow /tmp/link; cat /tmp/link && exit 1; exit 0");
  expect_code(0, "for i in /proc/[0-9]*; do n=$((n+1)); done; test $n -lt 8");
}

TEST_F(SandboxTest, NothingOutsideTmpCanBeWritten) {
  for (const char* path : {"/x", "/usr/x", "/bin/x", "/dev/x", "/checker", "/etc/x", "/proc/1/mem"})
    expect_code(0, std::string("if echo x 2>/dev/null >") + path + "; then exit 1; fi; exit 0");
  expect_code(0, "echo x >/tmp/x");
  // Nor is there a way to mount, not even from a namespace of its own.
  expect_code(0, "mount -o remount,rw / && exit 1; exit 0");
  expect_code(0,
              "unshare -Urm sh -c 'mount -o remount,bind,rw /usr && echo x >/usr/x' && exit 1;"
              " exit 0");
}

TEST_F(SandboxTest, ThereIsNoNetwork) {
  // A server of this very machine, which accepts whoever reaches it.
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(server, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(server, 8), 0);
  getsockname(server, reinterpret_cast<sockaddr*>(&address), &size);
  const std::string connect =
      "(exec 9<>/dev/tcp/127.0.0.1/" + std::to_string(ntohs(address.sin_port)) + ") && exit 1; ";
  expect_code(3, connect + "exit 3", "/bin/bash");
  expect_code(3, "(exec 9<>/dev/tcp/1.1.1.1/53) && exit 1; exit 3", "/bin/bash");
  close(server);
}

TEST_F(SandboxTest, SignalsStayInside) {
  expect_end(SandboxEnd::killed, "perl -e 'kill 9, -1; exit 3'; exit 3");
  expect_code(3, "kill -9 " + std::to_string(getpid()) + " && exit 1; exit 3");
  // Its own first process cannot be ended from inside, or ends only the sandbox.
  EXPECT_NE(run("kill -9 1; sleep 0.2; exit 0").code, 1);
  expect_end(SandboxEnd::killed, "kill -9 $$");
}

TEST_F(SandboxTest, NoProcessOutlivesItsRun) {
  // A name no other process has, on the command line of a daemon that left group and session.
  const std::string name = "98765" + std::to_string(getpid());
  auto is_running = [&name] {
    for (const auto& entry : fs::directory_iterator("/proc")) {
      std::ifstream in(entry.path() / "cmdline");
      std::string line((std::istreambuf_iterator<char>(in)), {});
      if (line.find(name) != line.npos && line.find("sleep") == 0) return true;
    }
    return false;
  };
  const std::string daemon = "setsid setsid sleep " + name + " </dev/null >/dev/null 2>&1 & ";
  expect_code(4, daemon + "sleep 0.1; exit 4");
  expect_end(SandboxEnd::timeout, daemon + "sleep 1000", kShort);
  for (int i = 0; i < 200 && is_running(); ++i) usleep(10'000);
  EXPECT_FALSE(is_running());
}

TEST_F(SandboxTest, RunsLeaveNoOpenFilesAndNoZombies) {
  auto open_files = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  const auto before = open_files();
  {
    const Sandbox quiet = sandbox("exit 0"), loud = sandbox("exec yes");
    for (int i = 0; i < 4; ++i) (void)quiet.run("x"), (void)loud.run("x");
    EXPECT_FALSE(Sandbox::open(folder_ + "/absent"));
  }
  EXPECT_EQ(open_files(), before);
  const pid_t left = waitpid(-1, nullptr, WNOHANG);
  EXPECT_EQ(left, -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(SandboxTest, ProgramsThatCannotBeStartedAreNamedWhenMade) {
  const std::pair<std::string, const char*> cases[] = {
      {folder_ + "/absent", "No such file"},
      {folder_, "no regular file"},
      {write("interpreter", "", "/nowhere/python"), "sees nothing but /usr"},
  };
  for (const auto& [path, words] : cases) {
    auto made = Sandbox::open(path);
    ASSERT_FALSE(made) << path;
    EXPECT_NE(made.error().message.find(words), std::string::npos) << made.error().message;
  }
  const std::string plain = write("plain", "exit 0");
  chmod(plain.c_str(), 0644);
  auto made = make_verifier("command:" + plain);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("chmod +x"), std::string::npos) << made.error().message;
}

TEST_F(SandboxTest, TheCommandVerifierReadsExitCodesAndCountsReasons) {
  const std::string program = write("check", R"(read -r line
case "$line" in
  '{"answer":"yes","gold":"yes \"'*) exit 0 ;;
  *'"answer":"no"'*) exit 1 ;;
  *'"answer":"signal"'*) kill -9 $$ ;;
  *'"answer":"loud"'*) exec yes ;;
  *) exit 2 ;;
esac)");
  auto sandbox = Sandbox::open(program);
  ASSERT_TRUE(sandbox);
  const CommandVerifier verifier(std::move(*sandbox));
  const std::string gold = "yes \"\n\xff";
  ASSERT_TRUE(verifier.check_gold(gold));
  EXPECT_EQ(verifier.check("yes", gold), Verdict::right);
  EXPECT_EQ(verifier.check("no", gold), Verdict::wrong);
  for (const char* answer : {"signal", "loud", "other", ""})
    EXPECT_EQ(verifier.check(answer, gold), Verdict::unparseable) << answer;
  EXPECT_EQ(verifier.check(std::string(kCommandTextMax + 1, 'x'), gold), Verdict::unparseable);
  EXPECT_EQ(describe(verifier.counts()),
            "1 right, 1 wrong; unparseable: 2 other exit code, 1 killed, 1 too much output, "
            "1 too long");
}

TEST_F(SandboxTest, ManyThreadsShareOneVerifier) {
  auto verifier = make_verifier("command:" + write("check", "grep -q '\"answer\":\"right\"'"));
  ASSERT_TRUE(verifier) << verifier.error().message;
  std::atomic<int> as_expected = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 4; ++i) {
        const bool right = (t + i) % 2 == 0;
        const Verdict verdict = (*verifier)->check(right ? "right" : "left", "");
        as_expected += verdict == (right ? Verdict::right : Verdict::wrong);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(as_expected, 32);
}

}  // namespace
}  // namespace weir

// For tests of the finished program: runs it as a user would.
#pragma once
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/atomic_output.h"
#include "base/file.h"

namespace weir {

struct Outcome {
  int code = -1;
  std::string out, error;
};

// Whether a process has a handler for SIGINT: its work began.
inline bool catches_interrupts(pid_t process) {
  auto status = read_file("/proc/" + std::to_string(process) + "/status", 1 << 20);
  size_t at = status.has_value() ? status->find("SigCgt:") : std::string::npos;
  return at != std::string::npos && (std::stoull(status->substr(at + 7, 17), nullptr, 16) & 2) != 0;
}

// Runs the program with `input` on its standard input; interrupts it once it works, if asked to.
inline Outcome run(std::vector<std::string> arguments, const std::string& input = "",
                   bool interrupts = false) {
  std::string folder = testing::TempDir() + "weir_run_XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  const std::string in = folder + "/in", out = folder + "/out", error = folder + "/error";
  EXPECT_TRUE(write_file_atomic(in, input));
  arguments.insert(arguments.begin(), WEIR_PROGRAM);
  pid_t child = fork();
  if (child == 0) {
    std::vector<char*> words;
    for (std::string& word : arguments) words.push_back(word.data());
    words.push_back(nullptr);
    bool opened = freopen(in.c_str(), "r", stdin) && freopen(out.c_str(), "w", stdout) &&
                  freopen(error.c_str(), "w", stderr);
    if (opened) execv(WEIR_PROGRAM, words.data());
    _exit(99);
  }
  if (interrupts) {
    for (int waited = 0; waited < 6000 && !catches_interrupts(child); ++waited) usleep(10000);
    usleep(200000);
    kill(child, SIGINT);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  Outcome outcome{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                  read_file(out).has_value() ? *read_file(out) : "",
                  read_file(error).has_value() ? *read_file(error) : ""};
  EXPECT_TRUE(remove_all(folder));
  return outcome;
}

}  // namespace weir

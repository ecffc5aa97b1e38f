// For tests of the finished program: `weir serve` on a free port of this machine.
#pragma once
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/file.h"
#include "client/http_client.h"

namespace weir {

constexpr double kPatience = 300;  // seconds; only a hang takes so long

class ServeProgram {
 public:
  ServeProgram(const std::string& model, std::vector<std::string> options)
      : ServeProgram([&] {
          options.insert(options.begin(), {model, "--no-log"});
          return options;
        }()) {}
  // `log`: a file for its standard error; "": this program's.
  explicit ServeProgram(std::vector<std::string> words, const std::string& log = "") {
    words.insert(words.begin(), {WEIR_PROGRAM, "serve", "--port", "0"});
    int out[2];
    EXPECT_EQ(pipe(out), 0);
    child_ = fork();
    if (child_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      std::vector<char*> arguments;
      for (std::string& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      if (log.empty() || freopen(log.c_str(), "w", stderr)) execv(WEIR_PROGRAM, arguments.data());
      _exit(99);
    }
    close(out[1]);
    for (char c; read(out[0], &c, 1) == 1 && c != '\n';) line_ += c;
    const size_t place = line_.find("localhost:");
    EXPECT_NE(place, line_.npos) << line_;
    if (place != line_.npos) port_ = std::atoi(line_.c_str() + place + 10);
    out_ = out[0];
  }
  ~ServeProgram() {
    close(out_);
    if (child_ > 0) kill(child_, SIGKILL);
  }
  // "NAME is served at http://localhost:PORT".
  const std::string& line() const { return line_; }
  std::string url() const { return line_.substr(std::min(line_.find("http://"), line_.size())); }
  int port() const { return port_; }
  double mebibytes() const { return memory("VmRSS:"); }
  HttpClient client() const {
    return HttpClient({"127.0.0.1", port_, ""}, {.silence_seconds = kPatience});
  }
  int sequences() const {
    HttpClient asker = client();
    const auto answer = asker.get("/metrics");
    const size_t place = answer ? answer->body.find("\nweir_sequences ") : std::string::npos;
    return place == std::string::npos ? -1 : std::atoi(answer->body.c_str() + place + 16);
  }
  // The exit code after SIGTERM.
  int end() {
    kill(child_, SIGTERM);
    int status = 0;
    EXPECT_EQ(waitpid(child_, &status, 0), child_);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  double memory(const char* key) const {
    const auto status = read_file("/proc/" + std::to_string(child_) + "/status", 1 << 20);
    const size_t place = status ? status->find(key) : std::string::npos;
    return place == std::string::npos ? 0 : std::atof(status->c_str() + place + 7) / 1024;
  }
  pid_t child_ = -1;
  std::string line_;
  int port_ = 0, out_ = -1;
};

}  // namespace weir

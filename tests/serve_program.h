// For tests of the finished program: `weir serve` on a free port of this machine.
#pragma once
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/file.h"
#include "client/http_client.h"

namespace weir {

constexpr double kPatience = 300;  // seconds; only a hang takes so long

class ServeProgram {
 public:
  ServeProgram(const std::string& model, const std::vector<std::string>& options) {
    std::vector<std::string> words = {WEIR_PROGRAM, "serve", model, "--port", "0", "--no-log"};
    words.insert(words.end(), options.begin(), options.end());
    int out[2];
    EXPECT_EQ(pipe(out), 0);
    child_ = fork();
    if (child_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      std::vector<char*> arguments;
      for (std::string& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      execv(WEIR_PROGRAM, arguments.data());
      _exit(99);
    }
    close(out[1]);
    std::string line(512, 0);  // "NAME is served at http://localhost:PORT"
    size_t size = 0;
    while (size < line.size() && line.find('\n') == line.npos) {
      const ssize_t n = read(out[0], line.data() + size, line.size() - size);
      if (n <= 0) break;
      size += size_t(n);
    }
    const size_t place = line.find("localhost:");
    EXPECT_NE(place, line.npos) << line;
    if (place != line.npos) port_ = std::atoi(line.c_str() + place + 10);
    out_ = out[0];
  }
  ~ServeProgram() {
    close(out_);
    if (child_ > 0) kill(child_, SIGKILL);
  }
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
  int port_ = 0, out_ = -1;
};

}  // namespace weir

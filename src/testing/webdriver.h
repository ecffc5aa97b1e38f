// A browser to drive in tests: Debian's chromium through chromedriver, by the JSON protocol of
// WebDriver (W3C, 2018) over a plain socket. One session per object; both processes end with it.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"

extern char** environ;

namespace weir {

class Browser {
 public:
  // Null where Debian's packages chromium and chromium-driver are not installed.
  static std::unique_ptr<Browser> start(const std::string& language) {
    if (access("/usr/bin/chromedriver", X_OK) != 0 || access("/usr/bin/chromium", X_OK) != 0)
      return nullptr;
    std::unique_ptr<Browser> browser(new Browser);
    if (!browser->start_driver()) {
      ADD_FAILURE() << "chromedriver does not start";
      return nullptr;
    }
    Json arguments = Json::array();
    for (const std::string& argument :
         {std::string("--headless=new"), std::string("--disable-gpu"),
          std::string("--disable-dev-shm-usage"), std::string("--window-size=1280,900"),
          "--accept-lang=" + language, "--lang=" + language})
      arguments.push(argument);
    if (geteuid() == 0) arguments.push("--no-sandbox");  // chromium's does not run as root
    const Json made =
        browser->send("POST", "/session",
                      R"({"capabilities": {"alwaysMatch": {"goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": )" +
                          arguments.dump() + "}}}}");
    const Json* id = made.find("sessionId");
    if (!id) {
      ADD_FAILURE() << "no session: " << made.dump();
      return nullptr;
    }
    browser->session_ = "/session/" + id->text();
    return browser;
  }
  ~Browser() {
    if (!session_.empty()) send("DELETE", session_, "");
    if (driver_ > 0) {
      kill(driver_, SIGTERM);
      waitpid(driver_, nullptr, 0);
    }
  }

  // The "value" of the answer. An error of WebDriver fails the test.
  Json command(const char* method, const std::string& path, const Json& body = Json::object()) {
    Json value = send(method, session_ + path, std::string(method) == "GET" ? "" : body.dump());
    if (const Json* message = value.find("message"); message && value.find("error"))
      ADD_FAILURE() << path << " " << body.dump() << ": " << message->text();
    return value;
  }
  void open(const std::string& url) { command("POST", "/url", object("url", url)); }
  void reload() { command("POST", "/refresh"); }

  // The body of a function; a promise that it returns is awaited.
  Json run(const std::string& script) {
    Json body = object("script", script);
    body.set("args", Json::array());
    return command("POST", "/execute/sync", body);
  }
  std::string text(const std::string& expression) { return run("return " + expression).text(); }
  int64_t number(const std::string& expression) {
    const auto value = run("return " + expression).as_int();
    return value ? *value : -1;
  }
  bool holds(const std::string& expression) {
    const auto value = run("return Boolean(" + expression + ")").as_bool();
    return value && *value;
  }
  // Whether it holds soon.
  bool waits_for(const std::string& expression, int seconds = 60) {
    for (int i = 0; i < seconds * 50; ++i) {
      if (holds(expression)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }
  void click(const std::string& selector) {
    command("POST", "/element/" + element(selector) + "/click");
  }
  void type(const std::string& selector, const std::string& keys) {
    command("POST", "/element/" + element(selector) + "/value", object("text", keys));
  }
  void cdp(const std::string& name, const std::string& parameters) {
    Json body = object("cmd", name);
    auto read = parse_json(parameters);
    body.set("params", read ? *read : Json::object());
    command("POST", "/goog/cdp/execute", body);
  }
  // What the page said in its console since the last call: "LEVEL text".
  std::vector<std::string> messages() {
    std::vector<std::string> list;
    const Json entries = command("POST", "/se/log", object("type", "browser"));
    for (const Json& entry : entries.items())
      list.push_back(entry.find("level")->text() + " " + entry.find("message")->text());
    return list;
  }

  static constexpr const char* kEnter = "\xEE\x80\x87";   // U+E007
  static constexpr const char* kEscape = "\xEE\x80\x8C";  // U+E00C
  static constexpr const char* kShift = "\xEE\x80\x88";   // U+E008, until it comes again

 private:
  Browser() = default;

  static Json object(const char* key, const std::string& value) {
    Json j = Json::object();
    j.set(key, value);
    return j;
  }

  std::string element(const std::string& selector) {
    Json body = object("using", "css selector");
    body.set("value", selector);
    const Json found = command("POST", "/element", body);
    return found.members().empty() ? "none" : found.members().front().second.text();
  }

  // chromedriver chooses a free port and prints it.
  bool start_driver() {
    int ends[2];
    if (pipe(ends) != 0) return false;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    char name[] = "chromedriver", port[] = "--port=0";
    char* arguments[] = {name, port, nullptr};
    const int failed =
        posix_spawn(&driver_, "/usr/bin/chromedriver", &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    std::string said;
    char part[512];
    for (ssize_t n; !failed && port_ == 0 && (n = read(ends[0], part, sizeof part)) > 0;) {
      said.append(part, size_t(n));
      const size_t place = said.find("successfully on port ");
      if (place != said.npos && said.find('\n', place) != said.npos)
        port_ = std::atoi(said.c_str() + place + 21);
    }
    output_ = ends[0];  // stays open: the driver must not write into a broken pipe
    return port_ > 0;
  }

  Json send(const std::string& method, const std::string& path, const std::string& body) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string reply;
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      const std::string request = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" +
                                  "Content-Type: application/json\r\nConnection: close\r\n" +
                                  "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                                  body;
      for (size_t done = 0; done < request.size();) {
        const ssize_t n = write(fd, request.data() + done, request.size() - done);
        if (n <= 0) break;
        done += size_t(n);
      }
      char part[1 << 14];
      for (ssize_t n; (n = read(fd, part, sizeof part)) > 0;) reply.append(part, size_t(n));
    }
    close(fd);
    const size_t end = reply.find("\r\n\r\n");
    const auto json =
        parse_json(end == reply.npos ? "{}" : std::string_view(reply).substr(end + 4));
    const Json* value = json ? json->find("value") : nullptr;
    return value ? *value : Json();
  }

  pid_t driver_ = 0;
  int port_ = 0, output_ = -1;
  std::string session_;
};

}  // namespace weir

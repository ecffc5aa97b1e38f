// A browser to drive in tests: Debian's chromium through chromedriver, by the JSON protocol of
// WebDriver (W3C, 2018) over a plain socket. One session per object; both processes end with it,
// and with the test program. Every wait has a limit. A browser that missed one is not asked again.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/json.h"

namespace weir {

class Browser {
 public:
  // Whether Debian's packages chromium and chromium-driver are.
  static bool installed() {
    return access(kDriver, X_OK) == 0 && access("/usr/bin/chromium", X_OK) == 0;
  }
  // Null, after a failure that says why, if it does not start.
  static std::unique_ptr<Browser> start(const std::string& language) {
    std::unique_ptr<Browser> browser(new Browser);
    if (!mkdtemp(browser->folder_.data()) || !browser->start_driver()) {
      ADD_FAILURE() << "chromedriver names no port within " << kStartSeconds << " s";
      return nullptr;
    }
    // By a pipe, so that chromium ends when its driver does, however that is.
    Json arguments = Json::array();
    for (const std::string& argument :
         {std::string("--headless=new"), std::string("--remote-debugging-pipe"),
          std::string("--disable-gpu"), std::string("--disable-dev-shm-usage"),
          std::string("--window-size=1280,900"), "--accept-lang=" + language, "--lang=" + language})
      arguments.push(argument);
    if (geteuid() == 0) arguments.push("--no-sandbox");  // chromium's does not run as root
    const Json made =
        browser->send("POST", "/session",
                      R"({"capabilities": {"alwaysMatch": {"goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": 20000, "pageLoad": 20000, "implicit": 0},
            "goog:chromeOptions": {"args": )" +
                          arguments.dump() + "}}}}",
                      kStartSeconds);
    const Json* id = made.find("sessionId");
    if (!id) {
      ADD_FAILURE() << "no session: " << made.dump();
      return nullptr;
    }
    browser->session_ = "/session/" + id->text();
    const Json* capabilities = made.find("capabilities");
    if (const Json* process = capabilities ? capabilities->find("goog:processID") : nullptr)
      if (const auto number = process->as_int()) browser->chromium_ = pid_t(*number);
    return browser;
  }
  // Asks both to end; kills what does not; removes what they wrote.
  ~Browser() {
    if (!session_.empty()) send("DELETE", session_, "", 10);
    const bool ended = driver_ <= 0 || (kill(driver_, SIGTERM), ends_soon());
    if (!works_ || !ended) {
      if (chromium_ > 0) kill(chromium_, SIGKILL);
      if (!ended) kill(driver_, SIGKILL), waitpid(driver_, nullptr, 0);
    }
    if (output_ >= 0) close(output_);
    for (int i = 0; i < 50 && access(folder_.c_str(), F_OK) == 0; ++i) {
      (void)remove_all(folder_);  // again where chromium's last process wrote meanwhile
      std::this_thread::sleep_for(std::chrono::milliseconds(works_ ? 20 : 200));
    }
  }
  // False once the driver missed a limit.
  bool works() const { return works_; }

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
  // Whether it holds soon. Until then it may throw: what it names may not be there yet.
  bool waits_for(const std::string& expression, int seconds = 20) {
    Json body = object("script", "return Boolean(" + expression + ")"), value;
    body.set("args", Json::array());
    for (const Time end = after(seconds); works_ && Clock::now() < end;) {
      value = send("POST", session_ + "/execute/sync", body.dump());
      if (const auto held = value.as_bool(); held && *held) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    if (works_)
      ADD_FAILURE() << "not within " << seconds << " s: " << expression
                    << "\nlast: " << value.dump()
                    << "\nthe page: " << text("document.body?.innerText ?? ''");
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
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  static constexpr const char* kDriver = "/usr/bin/chromedriver";
  static constexpr int kStartSeconds = 60;    // of a browser on busy cores
  static constexpr int kCommandSeconds = 30;  // above the timeouts that chromedriver keeps itself

  Browser() = default;

  static Time after(int seconds) { return Clock::now() + std::chrono::seconds(seconds); }

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
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    driver_ = fork();
    if (driver_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGTERM);  // and with the driver, its browser
      setenv("TMPDIR", folder_.c_str(), 1);
      dup2(ends[1], 1);
      dup2(::open("/dev/null", O_WRONLY), 2);
      execl(kDriver, "chromedriver", "--port=0", nullptr);
      _exit(127);
    }
    close(ends[1]);
    output_ = ends[0];  // stays open: the driver must not write into a broken pipe
    std::string said;
    for (const Time end = after(kStartSeconds); driver_ > 0 && reads(output_, said, end);) {
      const size_t place = said.find("successfully on port ");
      if (place == said.npos || said.find('\n', place) == said.npos) continue;
      port_ = std::atoi(said.c_str() + place + 21);
      break;
    }
    return port_ > 0;
  }
  bool ends_soon() {
    for (const Time end = after(10); Clock::now() < end;) {
      if (waitpid(driver_, nullptr, WNOHANG) != 0) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }

  // Appends what comes before `end`; false at the file's end, too.
  static bool reads(int fd, std::string& text, Time end) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd waiting{fd, POLLIN, 0};
    if (left <= 0 || poll(&waiting, 1, int(left)) <= 0) return false;
    char part[1 << 14];
    const ssize_t n = read(fd, part, sizeof part);
    if (n > 0) text.append(part, size_t(n));
    return n > 0;
  }
  // The end of a whole answer, or 0: chromedriver says "Connection: close" and does not close.
  static size_t end_of_answer(const std::string& reply) {
    const size_t head = reply.find("\r\n\r\n");
    if (head == reply.npos) return 0;
    for (size_t line = reply.find("\r\n"); line < head; line = reply.find("\r\n", line + 2))
      if (strncasecmp(reply.c_str() + line + 2, "content-length:", 15) == 0)
        return head + 4 + size_t(std::atoll(reply.c_str() + line + 17));
    return 0;
  }

  Json send(const std::string& method, const std::string& path, const std::string& body,
            int seconds = kCommandSeconds) {
    if (!works_) return {};
    const Time end = after(seconds);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval longest{seconds, 0};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest);  // of connect and ::send
    std::string reply;
    size_t size = 0;
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      const std::string request = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" +
                                  "Content-Type: application/json\r\nConnection: close\r\n" +
                                  "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                                  body;
      for (size_t done = 0; done < request.size();) {
        const ssize_t n = ::send(fd, request.data() + done, request.size() - done, MSG_NOSIGNAL);
        if (n <= 0) break;
        done += size_t(n);
      }
      while ((size = end_of_answer(reply), size == 0 || reply.size() < size) &&
             reads(fd, reply, end)) {
      }
    }
    close(fd);
    works_ = size > 0 && reply.size() >= size;
    if (!works_) {
      ADD_FAILURE() << "chromedriver gave no answer (limit: " << seconds << " s): " << method << " "
                    << path << " " << body;
      return {};
    }
    const auto json = parse_json(std::string_view(reply).substr(reply.find("\r\n\r\n") + 4));
    const Json* value = json ? json->find("value") : nullptr;
    return value ? *value : Json();
  }

  pid_t driver_ = 0, chromium_ = 0;
  int port_ = 0, output_ = -1;
  bool works_ = true;
  std::string session_, folder_ = ::testing::TempDir() + "weir_browser_XXXXXX";
};

}  // namespace weir

// A blocking HTTP/1.1 client for tests, over a plain socket. It reads replies by itself, so that
// the server is not tested against the library that it uses.
#pragma once
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

namespace http::field {
constexpr const char* content_encoding = "content-encoding";
constexpr const char* content_type = "content-type";
constexpr const char* retry_after = "retry-after";
}  // namespace http::field

struct TestReply {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers = {};  // names in lower case
  std::string text = {};
  unsigned result_int() const { return status; }
  const std::string& body() const { return text; }
  std::string operator[](std::string_view name) const {
    for (const auto& [known, value] : headers)
      if (known == name) return value;
    return "";
  }
};

class Client {
 public:
  explicit Client(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected_ =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    send_bytes = [this](const char* bytes, size_t count) {
      return ::send(socket_, bytes, count, MSG_NOSIGNAL);
    };
    receive_bytes = [this](char* bytes, size_t count) { return ::recv(socket_, bytes, count, 0); };
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { ::close(socket_); }

  // In their place TLS may come.
  std::function<ssize_t(const char*, size_t)> send_bytes;
  std::function<ssize_t(char*, size_t)> receive_bytes;
  int socket() const { return socket_; }
  bool is_connected() const { return is_connected_; }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = send_bytes(bytes.data(), bytes.size());
      if (count <= 0) return;  // the reply says why
      bytes.remove_prefix(size_t(count));
    }
  }
  void send(const char* method, const char* path, const std::string& body,
            const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    std::string text = std::string(method) + " " + path + " HTTP/1.1\r\n";
    const auto has = [&](const char* wanted) {
      return std::ranges::any_of(headers, [&](const auto& h) { return h.first == wanted; });
    };
    if (!has("Host")) text += "Host: localhost\r\n";
    for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
    if (!body.empty() || std::strcmp(method, "POST") == 0)
      text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n";
    send(text + "\r\n" + body);
  }

  // The next reply, whole.
  TestReply read() {
    TestReply reply;
    const std::string head = take_until("\r\n\r\n");
    if (head.size() < 12) {
      ADD_FAILURE() << "the connection ended before a reply";
      return reply;
    }
    reply.status = unsigned(std::atoi(head.c_str() + 9));
    for (size_t begin = head.find("\r\n") + 2; begin < head.size();) {
      const size_t end = std::min(head.find("\r\n", begin), head.size());
      const std::string line = head.substr(begin, end - begin);
      const size_t colon = std::min(line.find(": "), line.size());
      std::string name = line.substr(0, colon);
      for (char& c : name) c = char(std::tolower(static_cast<unsigned char>(c)));
      if (colon < line.size()) reply.headers.push_back({name, line.substr(colon + 2)});
      begin = end + 2;
    }
    if (reply.status == 100) return read();
    if (reply["transfer-encoding"] == "chunked") {
      for (size_t size = 1; size > 0;) {
        size = size_t(std::strtoul(take_until("\r\n").c_str(), nullptr, 16));
        reply.text += take(size);
        take_until("\r\n");
      }
    } else {
      reply.text = take(size_t(std::atoll(reply["content-length"].c_str())));
    }
    return reply;
  }
  // Bytes that come next; 0: the server closed.
  size_t read_some(size_t bytes_max = 4096) {
    std::string bytes(bytes_max, 0);
    const ssize_t count = receive_bytes(bytes.data(), bytes.size());
    return count > 0 ? size_t(count) : 0;
  }
  TestReply ask(const char* method, const char* path, const std::string& body,
                const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    send(method, path, body, headers);
    return read();
  }

 private:
  bool receive_more() {
    char bytes[4096];
    const ssize_t count = receive_bytes(bytes, sizeof bytes);
    if (count > 0) in_.append(bytes, size_t(count));
    return count > 0;
  }
  std::string take(size_t count) {
    while (in_.size() < count)
      if (!receive_more()) {
        ADD_FAILURE() << "the connection ended inside a reply";
        return std::exchange(in_, "");
      }
    const std::string bytes = in_.substr(0, count);
    in_.erase(0, count);
    return bytes;
  }
  // Without the mark itself.
  std::string take_until(std::string_view mark) {
    for (;;) {
      const size_t place = in_.find(mark);
      if (place != in_.npos) {
        const std::string bytes = in_.substr(0, place);
        in_.erase(0, place + mark.size());
        return bytes;
      }
      if (!receive_more()) return std::exchange(in_, "");
    }
  }

  int socket_;
  bool is_connected_ = false;
  std::string in_;
};

}  // namespace weir

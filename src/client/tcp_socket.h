// A TCP connection whose every wait ends: by a limit, or because somebody asks for it.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace weir {

// How a wait ended.
enum class Waited { ready, too_long, cancelled, failed };

struct TcpWait {
  double seconds;                             // at most, for this step
  const std::function<bool()>& is_cancelled;  // asked every 50 ms and after signals; may be empty
};

class TcpSocket {
 public:
  TcpSocket() = default;
  ~TcpSocket() { close(); }
  TcpSocket(const TcpSocket&) = delete;
  TcpSocket& operator=(const TcpSocket&) = delete;

  // Tries the addresses of a name one after another; finding them waits as long as the resolver
  // does. `reason` says why it failed.
  Waited connect(const std::string& host, int port, const TcpWait& wait, std::string& reason);
  Waited write(std::string_view bytes, const TcpWait& wait, std::string& reason);
  // At least a byte, or `count` 0 at the end.
  Waited read(char* bytes, size_t room, size_t& count, const TcpWait& wait, std::string& reason);
  // Open, and nothing has come since the last read: no end either.
  bool is_idle() const;
  bool is_open() const { return fd_ >= 0; }
  void close();

 private:
  Waited wait_for(short events, int64_t end_ns, const TcpWait& wait) const;
  Waited finish_connect(int64_t end_ns, const TcpWait& wait, std::string& reason) const;
  int fd_ = -1;
};

}  // namespace weir

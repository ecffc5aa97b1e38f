#include "client/tcp_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/clock.h"

namespace weir {
namespace {

constexpr int64_t kSlice_ns = 50'000'000;

int64_t end_of(const TcpWait& wait) { return monotonic_ns() + int64_t(wait.seconds * 1e9); }

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

std::string reason_of(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "the connection was refused; is a server running there?";
    case ECONNRESET:
    case EPIPE:
      return "the server closed the connection";
    default:
      return strerror(error);
  }
}

}  // namespace

Waited TcpSocket::wait_for(short events, int64_t end_ns, const TcpWait& wait) const {
  for (;;) {
    if (wait.is_cancelled && wait.is_cancelled()) return Waited::cancelled;
    const int64_t left_ns = end_ns - monotonic_ns();
    if (left_ns <= 0) return Waited::too_long;
    pollfd ready{fd_, events, 0};
    const int64_t slice_ns = wait.is_cancelled ? std::min(left_ns, kSlice_ns) : left_ns;
    const int found = poll(&ready, 1, int(std::min<int64_t>(slice_ns / 1'000'000 + 1, 60'000)));
    if (found > 0) return Waited::ready;
    if (found < 0 && errno != EINTR) return Waited::failed;
  }
}

Waited TcpSocket::finish_connect(int64_t end_ns, const TcpWait& wait, std::string& reason) const {
  const Waited waited = wait_for(POLLOUT, end_ns, wait);
  if (waited != Waited::ready) return waited;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == 0) return Waited::ready;
  reason = reason_of(error);
  return Waited::failed;
}

Waited TcpSocket::connect(const std::string& host, int port, const TcpWait& wait,
                          std::string& reason) {
  close();
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int status = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (status != 0) {
    reason = std::string("the name of the server cannot be found: ") + gai_strerror(status);
    return Waited::failed;
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  const int64_t end_ns = end_of(wait);
  Waited waited = Waited::failed;
  for (const addrinfo* a = found; a; a = a->ai_next) {
    fd_ = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) {
      reason = reason_of(errno);
      continue;
    }
    if (::connect(fd_, a->ai_addr, a->ai_addrlen) == 0)
      waited = Waited::ready;
    else if (errno == EINPROGRESS)
      waited = finish_connect(end_ns, wait, reason);
    else
      reason = reason_of(errno);
    if (waited == Waited::ready) {
      const int on = 1;
      setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return waited;
    }
    close();
    if (waited == Waited::cancelled) break;
  }
  return waited;
}

Waited TcpSocket::write(std::string_view bytes, const TcpWait& wait, std::string& reason) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      bytes.remove_prefix(size_t(n));
      continue;
    }
    if (!would_block()) {
      reason = reason_of(errno);
      return Waited::failed;
    }
    if (const Waited waited = wait_for(POLLOUT, end_of(wait), wait); waited != Waited::ready)
      return waited;
  }
  return Waited::ready;
}

Waited TcpSocket::read(char* bytes, size_t room, size_t& count, const TcpWait& wait,
                       std::string& reason) {
  const int64_t end_ns = end_of(wait);
  for (;;) {
    if (const Waited waited = wait_for(POLLIN, end_ns, wait); waited != Waited::ready)
      return waited;
    const ssize_t n = recv(fd_, bytes, room, 0);
    if (n >= 0) {
      count = size_t(n);
      return Waited::ready;
    }
    if (would_block()) continue;
    reason = reason_of(errno);
    return Waited::failed;
  }
}

bool TcpSocket::is_idle() const {
  if (fd_ < 0) return false;
  pollfd ready{fd_, POLLIN, 0};
  return poll(&ready, 1, 0) == 0;
}

void TcpSocket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace weir

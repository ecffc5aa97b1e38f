// The bytes of one connection, over TCP or TLS, with the executor and the alarms that belong to it.
// No library's types: HTTP is written against this, once for both.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace weir {

// Unless said otherwise everything is called, and calls back, on the executor of the stream, on
// which one thing runs at a time. At most one read and one write run, each until it calls back.
class ByteStream {
 public:
  // `is_open`: false when the other end is closed or the connection broke.
  using Done = std::function<void(bool is_open, size_t bytes)>;
  enum class Alarm { deadline, silence };

  virtual ~ByteStream() = default;
  // Runs `work` on the executor: soon, or at once where this is it. Any thread.
  virtual void post(std::function<void()> work) = 0;
  virtual void dispatch(std::function<void()> work) = 0;
  // Before the first byte: the handshake of TLS.
  virtual void open(Done done) = 0;
  // At least one byte.
  virtual void read(char* to, size_t bytes_max, Done done) = 0;
  // All bytes, which stay where they are until then.
  virtual void write(std::string_view bytes, Done done) = 0;
  // Tells the other end that nothing follows; reading goes on.
  virtual void end_writing(Done done) = 0;
  // Ends reads and writes, which call back with false.
  virtual void close() = 0;
  // Calls `ring` in so many seconds, in place of an earlier call of the same alarm; < 0: never.
  virtual void set_alarm(Alarm alarm, double seconds, std::function<void()> ring) = 0;
  virtual std::string local_address() = 0;  // "127.0.0.1"
};

}  // namespace weir

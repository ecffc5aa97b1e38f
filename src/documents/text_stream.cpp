#include "documents/text_stream.h"

#include <fcntl.h>
#include <iconv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "documents/text_encoding.h"

namespace weir {
namespace {

constexpr size_t kPieceBytes = size_t(256) << 10;
constexpr size_t kHeadBytes = size_t(1) << 20;

}  // namespace

Result<FileStream> FileStream::open(const std::string& path, uint64_t bytes_max) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return Error{"cannot be opened: " + std::string(std::strerror(errno))};
  FileStream stream(descriptor, path);
  struct stat status {};
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return Error{"is no file"};
  if (uint64_t(status.st_size) > bytes_max)
    return Error{"has " + format_bytes(double(status.st_size)) + "; the limit is " +
                 format_bytes(double(bytes_max)) + ", split the file"};
  return stream;
}

FileStream::FileStream(FileStream&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

FileStream::~FileStream() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<bool> FileStream::read(std::string& bytes) {
  const size_t before = bytes.size();
  bytes.resize(before + kPieceBytes);
  ssize_t count = -1;
  do {
    count = ::read(descriptor_, bytes.data() + before, kPieceBytes);
  } while (count < 0 && errno == EINTR);
  bytes.resize(before + size_t(std::max<ssize_t>(count, 0)));
  if (count < 0) return Error{"cannot be read: " + std::string(std::strerror(errno))};
  return count > 0;
}

struct TextStream::State {
  explicit State(FileStream stream) : file(std::move(stream)) {}
  ~State() {
    if (converter != iconv_t(-1)) iconv_close(converter);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  FileStream file;
  std::string encoding, bytes;  // read, but not yet converted
  iconv_t converter = iconv_t(-1);
  uint64_t replaced = 0;
  bool ended = false;
};

TextStream::TextStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
TextStream::TextStream(TextStream&&) noexcept = default;
TextStream::~TextStream() = default;
uint64_t TextStream::replaced() const { return state_->replaced; }
const std::string& TextStream::encoding() const { return state_->encoding; }

Result<TextStream> TextStream::open(const std::string& path, uint64_t bytes_max) {
  auto state = std::make_unique<State>(TRY(FileStream::open(path, bytes_max)));
  while (state->bytes.size() < kHeadBytes && !state->ended)
    state->ended = !TRY(state->file.read(state->bytes));
  state->encoding = detect_encoding(state->bytes);
  if (state->encoding.empty())
    return Error{
        "holds NUL bytes and is no UTF-16: this is no text; give the file its real ending"};
  // A converter of UTF-8 to itself finds what is damaged.
  state->converter = iconv_open("UTF-8", state->encoding.c_str());
  if (state->converter == iconv_t(-1))
    return Error{"the encoding '" + state->encoding + "' is not known; convert it to UTF-8"};
  if (state->bytes.starts_with("\xEF\xBB\xBF")) state->bytes.erase(0, 3);
  if (state->bytes.starts_with("\xFF\xFE") || state->bytes.starts_with("\xFE\xFF"))
    if (state->encoding.starts_with("UTF-16")) state->bytes.erase(0, 2);
  return TextStream(std::move(state));
}

Result<bool> TextStream::read(std::string& text) {
  State& s = *state_;
  if (s.bytes.size() < kPieceBytes && !s.ended) s.ended = !TRY(s.file.read(s.bytes));
  if (s.bytes.empty()) return false;
  std::array<char, size_t(64) << 10> buffer;
  char* in = s.bytes.data();
  size_t left = s.bytes.size();
  const size_t unit = s.encoding.starts_with("UTF-32")   ? 4
                      : s.encoding.starts_with("UTF-16") ? 2
                                                         : 1;
  while (left > 0) {
    char* out = buffer.data();
    size_t room = buffer.size();
    const size_t done = iconv(s.converter, &in, &left, &out, &room);
    text.append(buffer.data(), buffer.size() - room);
    if (done != size_t(-1)) break;
    if (errno == E2BIG) continue;
    if (errno == EINVAL && !s.ended) break;  // half a character: the rest comes
    text += "\xEF\xBF\xBD";
    ++s.replaced;
    const size_t skipped = std::min(left, unit);
    in += skipped;
    left -= skipped;
  }
  s.bytes.erase(0, s.bytes.size() - left);
  return true;
}

}  // namespace weir

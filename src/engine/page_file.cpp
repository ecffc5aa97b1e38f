#include "engine/page_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/checksum.h"
#include "base/sha256.h"

namespace weir {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "weirpage";
constexpr uint32_t kVersion = 1;
constexpr size_t kHashText = 64, kBytesMax = size_t(1) << 32;
constexpr size_t kModel = 32, kOwner = 96, kParent = 160, kTokens = 224, kWork = 352,
                 kHeaderSum = 360;

template <class T>
T get(std::span<const std::byte> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void set(PageHeaderBytes& bytes, size_t at, const T& value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

// Damage here is found by the header's checksum.
std::string get_hash(std::span<const std::byte> bytes, size_t at) {
  return std::string(reinterpret_cast<const char*>(bytes.data() + at), kHashText);
}

void set_hash(PageHeaderBytes& bytes, size_t at, const std::string& hash) {
  std::memcpy(bytes.data() + at, hash.data(), std::min(hash.size(), kHashText));
}

// O_NONBLOCK: a named pipe in its place must not stop the program.
int open_page(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

// Header and page in one call, or as many as the system needs.
bool read_all(int fd, std::span<std::byte> header, std::span<std::byte> page) {
  size_t done = 0;
  while (done < header.size() + page.size()) {
    const size_t of_header = std::min(done, header.size());
    const auto head = header.subspan(of_header), rest = page.subspan(done - of_header);
    const iovec parts[] = {{head.data(), head.size()}, {rest.data(), rest.size()}};
    const ssize_t n = ::readv(fd, parts, 2);
    if (n == 0 || (n < 0 && errno != EINTR)) return false;
    if (n > 0) done += size_t(n);
  }
  return true;
}

}  // namespace

std::string PageIdentity::key() const {
  Sha256 sha;
  for (const std::string* hash : {&model, &owner, &parent}) sha.add(hash->data(), hash->size());
  sha.add(tokens.data(), sizeof tokens);
  return sha.hex();
}

PageHeaderBytes page_header(const PageIdentity& identity, std::span<const std::byte> page,
                            uint64_t work) {
  PageHeaderBytes bytes = {};
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  set(bytes, 8, kVersion);
  set(bytes, 12, uint32_t(kCachePage));
  set(bytes, 16, uint64_t(page.size()));
  set(bytes, 24, checksum(page));
  set_hash(bytes, kModel, identity.model);
  set_hash(bytes, kOwner, identity.owner);
  set_hash(bytes, kParent, identity.parent);
  set(bytes, kTokens, identity.tokens);
  set(bytes, kWork, work);
  set(bytes, kHeaderSum, checksum(std::span(bytes).first(kHeaderSum)));
  return bytes;
}

Result<PageHeader> parse_page_header(std::span<const std::byte> bytes) {
  if (bytes.size() < kPageHeaderBytes) return Error{"ends inside its header"};
  if (std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    return Error{"is no page of a cache"};
  if (get<uint32_t>(bytes, 8) != kVersion)
    return Error{"has version " + std::to_string(get<uint32_t>(bytes, 8)) +
                 ", which this program does not read"};
  if (get<uint64_t>(bytes, kHeaderSum) != checksum(bytes.first(kHeaderSum)))
    return Error{"is damaged: its header does not have the checksum that it names"};
  PageHeader header;
  header.page_bytes = get<uint64_t>(bytes, 16);
  if (get<uint32_t>(bytes, 12) != uint32_t(kCachePage) || header.page_bytes > kBytesMax)
    return Error{"holds a page of another size"};
  header.checksum = get<uint64_t>(bytes, 24);
  header.work = get<uint64_t>(bytes, kWork);
  header.identity.model = get_hash(bytes, kModel);
  header.identity.owner = get_hash(bytes, kOwner);
  header.identity.parent = get_hash(bytes, kParent);
  std::memcpy(header.identity.tokens.data(), bytes.data() + kTokens, sizeof header.identity.tokens);
  return header;
}

Result<PageHeader> read_page_header(const std::string& path) {
  const int fd = open_page(path);
  if (fd < 0) return Error{path + ": can not open: " + std::strerror(errno)};
  PageHeaderBytes bytes;
  const bool is_read = read_all(fd, bytes, {});
  ::close(fd);
  if (!is_read) return Error{path + ": can not be read"};
  return TRY_IN(path, parse_page_header(bytes));
}

Result<bool> read_page_file(const std::string& path, const PageIdentity& wanted,
                            std::span<std::byte> page) {
  const int fd = open_page(path);
  if (fd < 0 && errno == ENOENT) return false;
  if (fd < 0) return Error{path + ": can not open: " + std::strerror(errno)};
  PageHeaderBytes bytes;
  struct stat info {};
  const bool fits = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
                    uint64_t(info.st_size) == bytes.size() + page.size();
  const bool is_read = fits && read_all(fd, bytes, page);
  ::close(fd);
  if (!fits) return Error{path + ": is damaged: it does not have the size of a page"};
  if (!is_read) return Error{path + ": can not be read"};
  const PageHeader header = TRY_IN(path, parse_page_header(bytes));
  if (header.page_bytes != page.size() || header.identity != wanted)
    return Error{path + ": is a page of other tokens or of another model"};
  if (header.checksum != checksum(page))
    return Error{path + ": is damaged: its page does not have the checksum that it names"};
  return true;
}

}  // namespace weir

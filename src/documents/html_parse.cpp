// gumbo never gives up: deep nesting costs it quadratic time, unclosed formatting elements
// quadratic memory, and freeing its tree recurses. So it allocates from a region of ours, which
// jumps out of the parser at a limit and is dropped as a whole afterwards.
#include "documents/html_parse.h"

#include <csetjmp>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kHtmlBytesMax = size_t(16) << 20;

// Documentation pages take 20-40 times their size and 30 ms per MiB; the limits leave ample room.
constexpr size_t memory_limit(size_t html_bytes) { return (size_t(32) << 20) + 64 * html_bytes; }
constexpr double seconds_limit(size_t html_bytes) { return 2 + double(html_bytes) / (1 << 20); }

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

}  // namespace

// Memory of one parse: chunks in a list, nothing freed before the end.
class HtmlTree::Memory {
 public:
  explicit Memory(size_t html_bytes)
      : bytes_max_(memory_limit(html_bytes)),
        seconds_max_(thread_seconds() + seconds_limit(html_bytes)) {}
  ~Memory() {
    while (chunks_) std::free(std::exchange(chunks_, chunks_->next));
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // gumbo's allocator. Its frames are C and own nothing, so that a jump over them is sound.
  static void* take(void* memory, size_t bytes) {
    Memory& self = *static_cast<Memory*>(memory);
    void* taken = self.take(bytes);
    if (!taken) std::longjmp(self.give_up, 1);
    return taken;
  }
  static void free_later(void*, void*) {}

  std::jmp_buf give_up;

 private:
  struct alignas(16) Chunk {
    Chunk* next;
    size_t bytes;
  };

  void* take(size_t bytes) {
    bytes = (bytes + 15) / 16 * 16;
    if (++calls_ % 256 == 0 && thread_seconds() > seconds_max_) return nullptr;
    if (!chunks_ || used_ + bytes > chunks_->bytes) {
      size_t size = bytes > kChunkBytes ? bytes : kChunkBytes;
      if (reserved_ + size > bytes_max_) return nullptr;
      Chunk* chunk = static_cast<Chunk*>(std::malloc(sizeof(Chunk) + size));
      if (!chunk) return nullptr;
      *chunk = {chunks_, size};
      chunks_ = chunk;
      used_ = 0;
      reserved_ += size;
    }
    char* taken = reinterpret_cast<char*>(chunks_ + 1) + used_;
    used_ += bytes;
    return taken;
  }

  static constexpr size_t kChunkBytes = size_t(256) << 10;
  Chunk* chunks_ = nullptr;
  size_t used_ = 0, reserved_ = 0, bytes_max_;
  uint64_t calls_ = 0;
  double seconds_max_;
};

namespace {

// Null when the parser was stopped at a limit. A function of its own: setjmp and objects that are
// constructed after it do not go together.
template <class Memory>
const GumboNode* parse_into(std::string_view html, Memory& memory) {
  GumboOptions options = kGumboDefaultOptions;
  options.allocator = Memory::take;
  options.deallocator = Memory::free_later;
  options.userdata = &memory;
  options.max_errors = 0;
  if (setjmp(memory.give_up) != 0) return nullptr;
  return gumbo_parse_with_options(&options, html.data(), html.size())->root;
}

}  // namespace

HtmlTree::HtmlTree(std::unique_ptr<Memory> memory, const GumboNode* root)
    : memory_(std::move(memory)), root_(root) {}
HtmlTree::HtmlTree(HtmlTree&&) noexcept = default;
HtmlTree::~HtmlTree() = default;

Result<HtmlTree> HtmlTree::parse(std::string_view html) {
  if (html.size() > kHtmlBytesMax)
    return Error{"HTML of " + format_bytes(double(html.size())) + "; the limit is " +
                 format_bytes(double(kHtmlBytesMax)) + ", split the page"};
  auto memory = std::make_unique<Memory>(html.size());
  const GumboNode* root = parse_into(html, *memory);
  if (!root)
    return Error{
        "HTML nested too deeply to parse in reasonable time and memory; leave this page out"};
  return HtmlTree(std::move(memory), root);
}

}  // namespace weir

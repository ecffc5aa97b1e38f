#include "guard/audit_check.h"

#include <fmt/format.h>

#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "guard/signing_key.h"

namespace weir {
namespace {

class Verifier {
 public:
  explicit Verifier(std::string public_key) : public_key_(std::move(public_key)) {}

  // False: it does not verify.
  bool take(std::string_view line) {
    auto entry = parse_audit_line(line);
    if (!entry) return fail(entry.error().message);
    if (entry->number != state.entries)
      return fail(fmt::format("has the number {}", entry->number));
    if (entry->before != last_hash_) return fail("does not follow the entry before");
    if (entry->time_ms < last_time_) return fail("is older than the entry before");
    if (entry->kind == "seal" && !take_seal(*entry)) return false;
    if (entry->kind == "decision") ++state.decisions;
    if (entry->is_removed) {
      if (entry->kind != "decision") return fail("has no content");
      ++state.removed;
      removed_.push_back({entry->number, entry->time_ms});
    }
    if (entry->kind == "removal") {
      const auto before = parse_audit_time(entry->body.text_at("before"));
      const auto last = entry->body.int_at("last");
      if (!before || !last) return fail("is a removal without its range");
      std::erase_if(removed_, [&](const Removed& removed) {
        return removed.number <= *last && removed.time_ms < *before;
      });
    }
    last_hash_ = entry->hash;
    last_time_ = entry->time_ms;
    ++state.entries;
    return true;
  }

  void finish() {
    if (state.error.empty() && !removed_.empty())
      state.error = fmt::format("entry {}: its content was taken out, and no entry says so",
                                removed_.front().number);
    state.head = last_hash_;
    state.last_time = state.entries > 0 ? audit_time(last_time_) : "";
  }

  bool holds(const Json& head) const {
    for (const Json& seal : seals_)
      if (seal.dump() == head.dump()) return true;
    return false;
  }

  AuditState state;

 private:
  struct Removed {
    int64_t number, time_ms;
  };

  bool fail(const std::string& what) {
    state.error = fmt::format("entry {}: {}", state.entries, what);
    return false;
  }

  bool take_seal(const AuditEntry& entry) {
    const Json& body = entry.body;
    const auto count = body.int_at("entries");
    const std::string& key = body.text_at("public_key");
    if (!count || *count != entry.number || body.text_at("head") != entry.before)
      return fail("is a seal of other entries");
    if (public_key_.empty()) public_key_ = key;
    if (key != public_key_) return fail("is signed by another key");
    if (!is_signed(seal_message(*count, entry.before), body.text_at("signature"), key))
      return fail("has a signature that is not valid");
    ++state.seals;
    state.sealed = entry.number;
    Json kept = Json::object();
    for (const char* name : {"entries", "head", "public_key", "signature"})
      if (const Json* value = body.find(name)) kept.set(name, *value);
    seals_.push_back(std::move(kept));
    return true;
  }

  std::string public_key_, last_hash_ = kNoHash;
  int64_t last_time_ = 0;
  std::vector<Removed> removed_;
  std::vector<Json> seals_;
};

// Cuts a text into lines; the rest without an end: false.
template <class Take>
bool each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == text.npos) return false;
    if (!take(text.substr(0, end))) return true;
    text.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace

std::string seal_message(int64_t entries, const std::string& hash) {
  return fmt::format("weir audit head\n{}\n{}\n", entries, hash);
}

AuditState verify_audit_text(std::string_view log, const std::string& public_key,
                             std::string_view head) {
  Verifier verifier(public_key);
  const bool is_whole = each_line(log, [&](std::string_view line) { return verifier.take(line); });
  verifier.state.is_torn = !is_whole;
  verifier.finish();
  AuditState& state = verifier.state;
  if (!head.empty() && state.error.empty()) {
    const auto kept = parse_json(trim(head), {.depth = 4, .bytes = 4096});
    if (!kept || kept->dump() + "\n" != head)
      state.error = "the file of the head was changed";
    else if (!verifier.holds(*kept))
      state.error = fmt::format("the signed head of {} entries is not in the log; its end was cut",
                                kept->int_at("entries") ? *kept->int_at("entries") : 0);
  }
  return state;
}

Result<AuditState> verify_audit(const std::string& path, const AuditVerification& how) {
  std::string key = how.public_key, head;
  if (key.empty() && file_exists(path + ".pub")) key = TRY(read_public_key(path + ".pub"));
  if (how.reads_head && file_exists(path + ".head")) head = TRY(read_file(path + ".head", 4096));
  if (TRY(file_size(path)) == 0) return verify_audit_text("", key, head);
  const MappedFile file = TRY(MappedFile::open(path));
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()),
                              file.bytes().size());
  return verify_audit_text(text, key, head);
}

Result<void> walk_audit(const std::string& path,
                        const std::function<Result<void>(AuditEntry entry)>& take) {
  if (TRY(file_size(path)) == 0) return {};
  const MappedFile file = TRY(MappedFile::open(path));
  Result<void> ended;
  int64_t number = 0;
  each_line({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()},
            [&](std::string_view line) {
              auto entry = parse_audit_line(line);
              if (!entry)
                ended = Error{fmt::format("{}: entry {}: {}", path, number, entry.error().message)};
              else
                ended = take(*std::move(entry));
              ++number;
              return ended.has_value();
            });
  return ended;
}

}  // namespace weir

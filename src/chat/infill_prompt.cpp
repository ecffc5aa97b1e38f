#include "chat/infill_prompt.h"

#include <algorithm>
#include <string_view>

#include "base/div_up.h"
#include "base/text.h"

namespace weir {
namespace {

using Ids = std::vector<int>;

void append(Ids& to, const Ids& more) { to.insert(to.end(), more.begin(), more.end()); }
void append(Ids& to, int token) {
  if (token >= 0) to.push_back(token);
}

// A text of a user. Where the tokenizer finds marks in it (names without '<', or of a wrong type),
// each place where the name of one is written is encoded in two parts, cut after its first byte.
Result<Ids> encode_text(const Tokenizer& tokenizer, const InfillTokens& marks,
                        std::string_view text) {
  Ids ids = TRY(tokenizer.encode(text));
  if (std::none_of(ids.begin(), ids.end(), [&](int id) { return marks.has(id); })) return ids;
  std::vector<std::string_view> names;
  for (const int id : {marks.prefix, marks.suffix, marks.middle, marks.repository, marks.file})
    if (id >= 0) names.push_back(tokenizer.token_bytes(id));
  ids.clear();
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto is_here = [&](std::string_view name) { return text.substr(i).starts_with(name); };
    if (std::none_of(names.begin(), names.end(), is_here)) continue;
    append(ids, TRY(tokenizer.encode(text.substr(begin, i + 1 - begin))));
    begin = i + 1;
  }
  append(ids, TRY(tokenizer.encode(text.substr(begin))));
  return ids;
}

// The mark of a line comment in files of this name.
std::string_view comment_mark(std::string_view path) {
  const std::string_view ending = path.substr(std::min(path.rfind('.'), path.size()));
  for (const char* other :
       {".c",   ".h",   ".cc",   ".cpp", ".hpp", ".cu",    ".rs",  ".go",    ".js",   ".ts",
        ".jsx", ".tsx", ".java", ".kt",  ".cs",  ".swift", ".php", ".scala", ".dart", ".zig"})
    if (ending == other) return "//";
  for (const char* other : {".sql", ".lua", ".hs", ".ada", ".vhd"})
    if (ending == other) return "--";
  return "#";
}

std::string comment(std::string_view path) {
  return std::string(comment_mark(path)) + " " + std::string(path) + "\n";
}

// Where the last lines begin that the reply begins with.
size_t edited_lines(std::string_view prefix) {
  const auto lines = std::count(prefix.begin(), prefix.end(), '\n');
  size_t begin = prefix.rfind('\n') + 1;  // 0 without a line end
  for (auto i = lines % kInfillStep; i > 0; --i)
    begin = begin < 2 ? 0 : prefix.rfind('\n', begin - 2) + 1;
  return begin;
}

// Where the piece begins that a text ends with; its end if that is long, or there is none.
size_t last_piece(const Tokenizer& tokenizer, std::string_view text) {
  constexpr size_t kPieceBytesMax = 64, kLooksBack = 1024;
  const size_t line = text.rfind('\n', text.size() - std::min(text.size(), kLooksBack));
  const std::string_view end = text.substr(line == text.npos ? 0 : line);
  SplitScratch scratch;
  if (!tokenizer.pre_tokenizer().split(end, scratch) || scratch.pieces.empty() ||
      scratch.pieces.back().size() > kPieceBytesMax)
    return text.size();
  return text.size() - scratch.pieces.back().size();
}

// Cuts what is far from the hole. The prefix loses whole steps, to the end of a line where one is
// near, so that it begins at the same place while it grows.
void cut(const Tokenizer& tokenizer, int room, Ids& prefix, Ids& suffix, InfillPrompt& prompt) {
  const int before = int(prefix.size()), after = int(suffix.size());
  if (before + after <= room) return;
  const int step = std::max(1, room / 8);
  const int for_suffix =
      std::min(after, std::max(room / 4, room - std::min(room, round_up(before, step))));
  const int for_prefix = room - for_suffix;
  suffix.resize(size_t(for_suffix));
  prompt.suffix_cut = after - for_suffix;
  if (before <= for_prefix) return;
  int left_out = std::min(before, round_up(before - for_prefix, step));
  for (int i = left_out; i < std::min(before, left_out + step); ++i)
    if (tokenizer.token_bytes(prefix[size_t(i)]).ends_with('\n')) {
      left_out = i + 1;
      break;
    }
  prefix.erase(prefix.begin(), prefix.begin() + left_out);
  prompt.prefix_cut = left_out;
}

// The other files, each with what says where it begins; the last ones that have room.
Result<Ids> encode_files(const Tokenizer& tokenizer, const InfillTokens& marks,
                         const InfillText& text, int room, InfillPrompt& prompt) {
  std::vector<Ids> parts;
  for (size_t i = text.files.size(); i-- > 0;) {
    const InfillFile& file = text.files[i];
    const std::string path = file.path.empty() ? "file" : file.path;
    const bool is_comment = marks.files == InfillFiles::comments;
    std::string content = (is_comment ? comment(path) : path + "\n") + file.text;
    if (!content.ends_with('\n')) content += '\n';
    Ids part;
    if (!is_comment) append(part, marks.file);
    append(part, TRY(encode_text(tokenizer, marks, content)));
    if (int(part.size()) > room) {
      prompt.files_cut = int(i) + 1;
      break;
    }
    room -= int(part.size());
    parts.push_back(std::move(part));
  }
  Ids all;
  for (size_t i = parts.size(); i-- > 0;) append(all, parts[i]);
  return all;
}

}  // namespace

Result<InfillPrompt> make_infill_prompt(const Tokenizer& tokenizer, const InfillTokens& marks,
                                        const InfillText& text, const InfillLimits& limits) {
  const auto encode = [&](std::string_view part) { return encode_text(tokenizer, marks, part); };
  const bool is_comment = marks.files == InfillFiles::comments;
  const bool has_files = !text.files.empty();
  const std::string path = text.path.empty() ? "file" : text.path;
  InfillPrompt prompt;

  // What stands around the two texts.
  Ids begin = tokenizer.prefix(), name, place;
  if (has_files && !is_comment) {
    append(name, marks.repository);
    const std::string repository = text.repository.empty() ? "repository" : text.repository;
    const bool is_inside = marks.files == InfillFiles::path_in_prefix;
    if (marks.repository >= 0)
      append(name, TRY(encode(is_inside ? repository : repository + "\n")));
    append(place, TRY(encode(path + "\n")));
  } else if (has_files) {
    append(place, TRY(encode(comment(path))));
  }
  const int marks_count = 4;
  int room = limits.prompt > 0 ? limits.prompt : 1 << 30;
  room -= int(begin.size() + name.size() + place.size()) + marks_count;
  const int window = limits.window > 0 ? std::min(limits.window, room) : room;

  const bool is_psm = marks.order == InfillOrder::prefix_first;
  const std::string_view whole = text.prefix;
  const bool is_split = is_psm && marks.middle >= 0 && text.is_edited;
  const size_t kept = is_split ? edited_lines(whole) : whole.size();
  const size_t last = is_split ? kept + last_piece(tokenizer, whole.substr(kept)) : whole.size();
  prompt.begun = whole.substr(last);
  Ids head = TRY(encode(whole.substr(0, kept)));
  Ids tail = TRY(encode(whole.substr(kept, last - kept)));
  Ids suffix = TRY(encode(text.suffix));
  Ids prefix = head;
  append(prefix, tail);
  cut(tokenizer, std::max(0, window), prefix, suffix, prompt);
  const size_t tail_size = std::min(tail.size(), prefix.size());
  tail.assign(prefix.end() - ptrdiff_t(tail_size), prefix.end());
  prefix.resize(prefix.size() - tail_size);
  room -= int(prefix.size() + tail.size() + suffix.size());
  const Ids files = TRY(encode_files(tokenizer, marks, text, std::max(0, room), prompt));

  Ids& all = prompt.tokens;
  all = begin;
  Ids before;  // what the prefix's token is followed by
  if (!is_comment && has_files) {
    append(all, name);
    append(all, files);
    append(all, marks.file);
  }
  if (marks.files == InfillFiles::before_prefix)
    append(all, place);
  else
    append(before, place);
  if (is_comment) before.insert(before.begin(), files.begin(), files.end());

  if (!is_psm) {
    append(all, marks.suffix);
    append(all, suffix);
  }
  append(all, marks.prefix);
  append(all, before);
  append(all, prefix);
  if (is_psm) {
    append(all, marks.suffix);
    append(all, suffix);
  }
  append(all, marks.middle);
  append(all, tail);
  return prompt;
}

void HealingFilter::forbid(std::span<const int> tokens, std::span<const float>,
                           std::span<uint8_t> is_forbidden) {
  size_t known = 0;  // bytes of the beginning that the reply has
  for (size_t i = prompt_; i < tokens.size() && known < begun_.size(); ++i)
    known += tokenizer_.has(tokens[i]) ? tokenizer_.token_bytes(tokens[i]).size() : 0;
  if (known >= begun_.size()) return;
  const std::string_view rest = std::string_view(begun_).substr(known);
  for (size_t id = 0; id < is_forbidden.size(); ++id) {
    const bool is_text = int(id) < tokenizer_.size() && !tokenizer_.is_added(int(id));
    const std::string_view bytes = is_text ? tokenizer_.token_bytes(int(id)) : "";
    const bool fits = bytes.size() > rest.size() ? bytes.starts_with(rest)
                                                 : !bytes.empty() && rest.starts_with(bytes);
    is_forbidden[id] = !fits;
  }
}

}  // namespace weir

#include "chat/infill_prompt.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace weir {
namespace {

using Ids = std::vector<int>;

void append(Ids& to, const Ids& more) { to.insert(to.end(), more.begin(), more.end()); }
void append(Ids& to, int token) {
  if (token >= 0) to.push_back(token);
}

// A text of a user. Where the tokenizer finds a mark in it (one without '<', or of a wrong type),
// the mark's text is encoded in two parts.
Result<Ids> encode_text(const Tokenizer& tokenizer, const InfillTokens& marks,
                        std::string_view text) {
  Ids ids = TRY(tokenizer.encode(text));
  const auto is_mark = [&](int id) { return marks.has(id); };
  const auto forged = std::find_if(ids.begin(), ids.end(), is_mark);
  if (forged == ids.end()) return ids;
  const std::string_view name = tokenizer.token_bytes(*forged);
  const size_t at = text.find(name);
  if (at == text.npos || name.size() < 2)
    return Error{"the text has a character that marks the hole; leave it out"};
  ids = TRY(tokenizer.encode(text.substr(0, at + 1)));
  append(ids, TRY(encode_text(tokenizer, marks, text.substr(at + 1))));
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

int round_up(int count, int step) { return (count + step - 1) / step * step; }

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
  const size_t kept = is_psm && text.is_edited ? edited_lines(text.prefix) : text.prefix.size();
  Ids head = TRY(encode(std::string_view(text.prefix).substr(0, kept)));
  Ids tail = TRY(encode(std::string_view(text.prefix).substr(kept)));
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

}  // namespace weir

#include "tokenizer/split_alphabet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "text/unicode.h"

namespace weir {
namespace {

constexpr size_t kSetsMax = 512;
constexpr int kClassesMax = 254;
constexpr size_t kBlocks = (size_t(kCodePointMax) + 1) / 256;

void collect_sets(const SplitNode& node, std::vector<CodePointSet>& sets) {
  if (node.kind == SplitNode::Kind::set && sets.size() <= kSetsMax &&
      std::find(sets.begin(), sets.end(), node.set) == sets.end())
    sets.push_back(node.set);
  for (const SplitNode& part : node.parts) collect_sets(part, sets);
}

}  // namespace

void SplitAlphabet::fill(CodePointRange range, uint8_t class_id) {
  for (size_t code = range.first; code <= range.last;) {
    const size_t block = code >> 8;
    const size_t end = std::min(size_t(range.last) + 1, (block + 1) << 8);
    if ((code & 0xFF) == 0 && end == (block + 1) << 8) {
      block_of_[block] = class_id;  // blocks_[n] is all of class n
    } else {
      if (block_of_[block] < 256) {
        blocks_.push_back(blocks_[block_of_[block]]);
        block_of_[block] = uint16_t(blocks_.size() - 1);
      }
      std::memset(blocks_[block_of_[block]].classes + (code & 0xFF), class_id, end - code);
    }
    code = end;
  }
}

Result<SplitAlphabet> SplitAlphabet::create(const SplitNode& tree) {
  std::vector<CodePointSet> sets = {CodePointSet({{'\n', '\n'}})};
  collect_sets(tree, sets);
  if (sets.size() > kSetsMax)
    return Error{"more than " + std::to_string(kSetsMax) + " different sets of characters"};
  // Where some set begins or ends, the class may change.
  std::vector<std::pair<char32_t, size_t>> borders;  // code point, number of the set
  for (size_t i = 0; i < sets.size(); ++i)
    for (const CodePointRange& range : sets[i].ranges()) {
      borders.emplace_back(range.first, i);
      borders.emplace_back(range.last + 1, i);
    }
  std::sort(borders.begin(), borders.end());

  SplitAlphabet made;
  made.block_of_.assign(kBlocks, 0);
  made.blocks_.resize(256);
  for (size_t id = 0; id < 256; ++id) std::memset(made.blocks_[id].classes, int(id), 256);
  std::map<std::vector<bool>, uint8_t> classes;
  std::vector<bool> inside(sets.size());
  char32_t begin = 0;
  int next_id = 1;
  const auto close = [&](char32_t end) -> bool {
    if (end == begin) return true;
    auto found = classes.find(inside);
    if (found == classes.end()) {
      if (next_id == '\n') ++next_id;
      const int id = inside[0] ? '\n' : next_id++;
      if (id > kClassesMax) return false;
      found = classes.emplace(inside, uint8_t(id)).first;
      made.examples_.push_back(begin);
      made.ids_.push_back(found->second);
    }
    made.borders_.push_back(begin);
    made.fill({begin, end - 1}, found->second);
    begin = end;
    return true;
  };
  for (const auto& [code, set] : borders) {
    if (!close(code)) return Error{"its sets tell more than 254 kinds of characters apart"};
    inside[set] = !inside[set];
  }
  if (!close(kCodePointMax + 1))
    return Error{"its sets tell more than 254 kinds of characters apart"};
  return made;
}

void SplitAlphabet::classify(std::string_view text, std::string& classes) const {
  classes.resize(text.size());
  size_t count = 0;
  const Block& ascii = blocks_[block_of_[0]];
  for (size_t at = 0; at < text.size();) {
    const unsigned char first = static_cast<unsigned char>(text[at]);
    if (first < 0x80) {
      classes[count++] = char(ascii[first]);
      ++at;
      continue;
    }
    const Utf8Character c = decode_utf8(text, at);
    classes[count++] = char(class_of(c.code));
    at += size_t(c.bytes);
  }
  classes.resize(count);
}

void SplitAlphabet::append_set(const CodePointSet& set, std::string& out) const {
  std::vector<bool> has(256);
  bool any = false;
  for (size_t i = 0; i < examples_.size(); ++i) {
    has[ids_[i]] = set.contains(examples_[i]);
    any = any || has[ids_[i]];
  }
  if (!any) {
    out += "(?!)";
    return;
  }
  const auto append_byte = [&](int byte) { out += fmt::format("\\x{:02X}", byte); };
  out += '[';
  for (int id = 0; id < 256; ++id) {
    if (!has[size_t(id)]) continue;
    append_byte(id);
    const int first = id;
    while (id < 255 && has[size_t(id) + 1]) ++id;
    if (id == first) continue;
    if (id > first + 1) out += '-';
    append_byte(id);
  }
  out += ']';
}

void SplitAlphabet::append(const SplitNode& node, std::string& out) const {
  using Kind = SplitNode::Kind;
  switch (node.kind) {
    case Kind::set:
      return append_set(node.set, out);
    case Kind::anchor:
      out += node.text;
      return;
    case Kind::sequence:
      for (const SplitNode& part : node.parts) {
        const bool wraps = part.kind == Kind::choice;
        if (wraps) out += "(?:";
        append(part, out);
        if (wraps) out += ')';
      }
      return;
    case Kind::choice:
      for (size_t i = 0; i < node.parts.size(); ++i) {
        if (i > 0) out += '|';
        append(node.parts[i], out);
      }
      return;
    case Kind::group:
      out += "(" + node.text;
      append(node.parts[0], out);
      out += ')';
      return;
    case Kind::repeat: {
      const bool wraps = node.parts[0].kind != Kind::set && node.parts[0].kind != Kind::group;
      if (wraps) out += "(?:";
      append(node.parts[0], out);
      if (wraps) out += ')';
      out += "{" + std::to_string(node.min) + ",";
      if (node.max >= 0) out += std::to_string(node.max);
      out += "}" + node.text;
      return;
    }
  }
}

std::string SplitAlphabet::pattern(const SplitNode& tree) const {
  std::string out;
  append(tree, out);
  return out;
}

}  // namespace weir

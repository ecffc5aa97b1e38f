#include "doctor/doctor_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace weir {
namespace {

// Of 256 colours. Neighbours of one kind alternate between two shades, so that tokens stay apart.
constexpr const char* kReset = "\x1b[0m";
constexpr const char* kBold = "\x1b[1m";
constexpr std::array kMasked = {"\x1b[38;5;247m", "\x1b[38;5;241m"};
constexpr std::array kTrained = {"\x1b[48;5;22;38;5;255m", "\x1b[48;5;28;38;5;255m"};
constexpr const char* kMaskedControl = "\x1b[38;5;170m";
constexpr const char* kTrainedControl = "\x1b[48;5;53;38;5;219m";

// Blanks, control characters and bytes that are no text, made visible.
std::string visible(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto [character, is_hidden] = first_character(text);
    if (character == " ")
      out += "·";
    else if (character == "\n")
      out += "↵";
    else if (character == "\t")
      out += "→";
    else if (is_hidden)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(character[0]));
    else
      out += character;
    text.remove_prefix(is_hidden ? 1 : character.size());
  }
  return out;
}

std::string small_number(int number) {
  constexpr std::array kDigits = {"₀", "₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈", "₉"};
  std::string out;
  for (char c : std::to_string(number)) out += kDigits[size_t(c - '0')];
  return out;
}

std::string token_text(const TokenView& token) {
  return visible(token.text) + (token.tokens > 1 ? small_number(token.tokens) : "");
}

std::string colored_tokens(const std::vector<TokenView>& tokens) {
  std::string out;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const TokenView& token = tokens[i];
    const char* color = token.is_control ? (token.is_trained ? kTrainedControl : kMaskedControl)
                                         : (token.is_trained ? kTrained : kMasked)[i % 2];
    out += color + token_text(token) + kReset;
  }
  return out;
}

std::string plain_tokens(const std::vector<TokenView>& tokens) {
  std::string out;
  bool needs_bar = false;  // the last one was masked text
  for (const TokenView& token : tokens) {
    const bool is_masked_text = !token.is_trained && !token.is_control;
    if (is_masked_text && needs_bar) out += '|';
    out += token.is_trained ? '[' + token_text(token) + ']' : token_text(token);
    needs_bar = is_masked_text;
  }
  return out;
}

std::string legend(const DoctorViewOptions& options) {
  if (!options.has_color)
    return "[trained] token, masked|tokens, <control> tokens as they are, · blank, ↵ line end, "
           "₃ tokens of one character\n";
  return fmt::format(
      "{}trained{} {}masked{} {}control, masked{} {}control, trained{}; two shades keep tokens "
      "apart; · blank, ↵ line end, ₃ tokens of one character\n",
      kTrained[0], kReset, kMasked[0], kReset, kMaskedControl, kReset, kTrainedControl, kReset);
}

std::string share(int64_t part, int64_t whole) {
  return whole > 0 ? fmt::format("{:.0f} %", 100 * double(part) / double(whole)) : "-";
}

std::string source_table(const DoctorReport& report, const DoctorViewOptions& options) {
  size_t wide = 8;
  for (const SourceReport& s : report.sources) wide = std::max(wide, s.source.size() + 4);
  std::string out, stage;
  out += fmt::format("{:<{}} {:>8} {:>9} {:>10} {:>9} {:>8} {:>7} {:>8}\n", "", wide, "problems",
                     "different", "gold right", "unclaimed", "learned", "tokens", "longest");
  for (const SourceReport& s : report.sources) {
    if (s.stage != stage)
      out += fmt::format("{}{}{}{}\n", options.has_color ? kBold : "", s.stage,
                         options.has_color ? kReset : "",
                         s.kind == "evaluate" ? "" : " (" + s.kind + ")");
    stage = s.stage;
    const std::string right =
        s.verified > 0 ? fmt::format("{}/{}", s.right, s.verified) : std::string("-");
    const bool is_learned = s.kind == "pretrain" || s.kind == "sft" || s.kind == "reward";
    out += fmt::format("  {:<{}} {:>8} {:>9} {:>10} {:>9} {:>8} {:>7} {:>8}\n", s.source, wide - 2,
                       s.problems, s.distinct, right, share(s.unclaimed, s.problems),
                       is_learned ? share(s.trained, s.tokens) : "-",
                       s.rendered > 0 ? s.tokens / s.rendered : 0, s.longest);
  }
  return out;
}

std::string finding_text(const Finding& finding, const DoctorViewOptions& options) {
  const char* color = finding.severity == Severity::error     ? "\x1b[1;31m"
                      : finding.severity == Severity::warning ? "\x1b[1;33m"
                                                              : "\x1b[1;36m";
  std::string place = finding.stage;
  if (!finding.source.empty()) place += (place.empty() ? "" : ": ") + finding.source;
  std::string out = fmt::format("{}{}{} ({}){}{}: {}", options.has_color ? color : "",
                                severity_name(finding.severity), options.has_color ? kReset : "",
                                finding.check, place.empty() ? "" : " ", place, finding.message);
  if (finding.examined > 0)
    out += fmt::format(" ({} of {} problems)", finding.count, finding.examined);
  else if (finding.count > 1)
    out += fmt::format(" ({} times)", finding.count);
  out += "\n";
  for (const std::string& line : split(finding.example, '\n'))
    if (!line.empty()) out += "    " + line + "\n";
  if (!finding.remedy.empty()) out += "  -> " + finding.remedy + "\n";
  return out;
}

}  // namespace

std::string row_text(const ExampleRow& row, const DoctorViewOptions& options) {
  std::string out = fmt::format("{}{}\n", row.place, row.note.empty() ? "" : " (" + row.note + ")");
  std::vector<TokenView> line;
  auto flush = [&] {
    if (!line.empty())
      out += "  " + (options.has_color ? colored_tokens(line) : plain_tokens(line)) + "\n";
    line.clear();
  };
  for (const TokenView& token : row.tokens) {
    // DeepSeek's marks, or those of templates: <|im_start|>, <|start_header_id|>, <start_of_turn>.
    const bool begins_turn =
        token.is_control && (token.text == "<｜User｜>" || token.text == "<｜Assistant｜>" ||
                             token.text.find("start") != std::string::npos);
    if (begins_turn) flush();
    line.push_back(token);
  }
  flush();
  return out;
}

std::string doctor_text(const DoctorReport& report, const DoctorViewOptions& options) {
  std::string out = fmt::format(
      "tokenizer of {} tokens, {} of {} learned ones used, {:.2f} bytes per token; context of {} "
      "tokens\n\n",
      report.vocabulary, report.used, report.learned, report.bytes_per_token, report.context);
  out += source_table(report, options);
  bool has_rows = false;
  for (const SourceReport& source : report.sources) {
    if (source.rows.empty()) continue;
    if (!has_rows) out += "\n" + legend(options);
    has_rows = true;
    out += fmt::format("\n{}: {}\n", source.stage, source.source);
    for (const ExampleRow& row : source.rows) out += row_text(row, options);
  }
  out += "\n";
  for (const Finding& finding : report.findings) out += finding_text(finding, options);
  const int64_t errors = report.count(Severity::error), warnings = report.count(Severity::warning);
  out += fmt::format("{} error{}, {} warning{}\n", errors, errors == 1 ? "" : "s", warnings,
                     warnings == 1 ? "" : "s");
  return out;
}

}  // namespace weir

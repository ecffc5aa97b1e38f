// The columns that rows of every format may have beside the conversation.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/ascii.h"
#include "base/text.h"
#include "tasks/row_reader.h"

namespace weir {
namespace {

constexpr int kDifficultyMax = 1'000'000;

// Other natural languages, by code and by name: neither English nor Chinese. Two-letter codes that
// are programming languages as well (cs, go, js, rs, ts) are not among them.
constexpr std::array kOtherLanguages = {
    "ar",      "bg",      "bn",      "da",        "de",      "el",       "es",     "fa",
    "fi",      "fr",      "he",      "hi",        "hu",      "id",       "it",     "ja",
    "ko",      "ms",      "nl",      "no",        "pl",      "pt",       "ro",     "ru",
    "sv",      "ta",      "te",      "th",        "tr",      "uk",       "ur",     "vi",
    "arabic",  "french",  "german",  "hindi",     "italian", "japanese", "korean", "portuguese",
    "russian", "spanish", "turkish", "vietnamese"};

// "zh-CN", "English" and so on; a name of no natural language leaves it to the letters.
void read_language(const std::string& written, RowReader& row) {
  const std::string name = lower_case(trim(written));
  const std::string code = name.substr(0, name.find_first_of("-_"));
  if (name.empty()) return;
  if (code == "en" || code == "eng" || name == "english" || name == "英文" || name == "英语") {
    row.problem.language = "en";
  } else if (code == "zh" || code == "cn" || code == "zho" || name == "chinese" ||
             name == "mandarin" || name == "中文" || name == "汉语") {
    row.problem.language = "zh";
  } else if (std::find(kOtherLanguages.begin(), kOtherLanguages.end(), code) !=
             kOtherLanguages.end()) {
    row.problem.language = code;
  } else {
    row.note(fmt::format("'language' {} is no natural language known here; the letters decide",
                         printable(written, 24)));
  }
}

void read_difficulty(const Json& value, RowReader& row) {
  Result<double> number = value.as_double();
  if (value.is_string()) number = parse_double(trim(value.text()));
  if (!number) {
    const std::string shown = value.is_string() ? printable(value.text(), 24) : "no number";
    return row.note(fmt::format("'difficulty' ({}) is no number and ignored", shown));
  }
  if (*number < 0 || *number > kDifficultyMax)
    return row.note(fmt::format("'difficulty' outside 0 to {} is ignored", kDifficultyMax));
  row.problem.difficulty = int(std::lround(*number));
  if (std::trunc(*number) != *number)
    row.note("'difficulty' with a fraction is rounded to a whole number");
}

// verl keeps it in an object beside how it is checked.
const Json* find_ground_truth(RowReader& row) {
  const Json* reward = row.find("reward_model");
  const Json* truth = reward == nullptr ? nullptr : reward->find("ground_truth");
  return truth == nullptr || truth->is_null() ? nullptr : truth;
}

Result<void> read_gold(RowReader& row) {
  RowReader::Found found = row.find_any({"gold", "ground_truth", "reference_answer"});
  if (found.value == nullptr) found = {"reward_model.ground_truth", find_ground_truth(row)};
  if (found.value == nullptr && row.problem.gold.empty()) {
    found =
        row.problem.has_reply() ? row.find_any({"answer"}) : row.find_any({"answer", "solution"});
    // Columns of that name beside a conversation hold all kinds of things.
    const bool is_text =
        found.value != nullptr && (found.value->is_string() || found.value->is_number());
    if (row.problem.has_reply() && !is_text) return {};
  }
  if (found.value == nullptr) return {};
  row.problem.gold = TRY(text_of(*found.value, found.key));
  return {};
}

bool is_filled(const Json* value) {
  if (value == nullptr) return false;
  return value->is_string() ? trim(value->text()).size() > 2 : value->size() > 0;  // "[]"
}

}  // namespace

Result<void> read_columns(RowReader& row) {
  if (is_filled(row.find("tools")) || is_filled(row.find("functions")))
    row.leave_out("a conversation with tools");
  for (const char* key : {"image", "images", "video", "videos", "audio", "audios"})
    if (is_filled(row.find(key))) row.leave_out("a row with pictures, films or sound");
  for (const char* key : {"label", "kto_tag"}) {
    const Json* mark = row.find(key);
    if (mark == nullptr) continue;
    if (Result<bool> is_good = mark->as_bool(); is_good && !*is_good)
      row.leave_out(fmt::format("a reply marked as bad ('{}' is false)", key));
  }
  if (row.is_left_out()) return {};
  TRY(read_gold(row));
  if (std::string verifier = TRY(row.text_if_any("verifier")); !verifier.empty())
    row.problem.verifier = verifier;
  if (const Json* language = row.find("language"); language != nullptr)
    read_language(language->is_string() ? language->text() : language->dump(), row);
  if (const Json* difficulty = row.find("difficulty")) read_difficulty(*difficulty, row);
  return {};
}

}  // namespace weir

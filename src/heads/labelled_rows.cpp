#include "heads/labelled_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kRowsMax = 1'000'000, kLineMax = size_t(1) << 20, kFileMax = size_t(1) << 30;
constexpr size_t kLabelsMax = 64;

Json user_message(const std::string& text) {
  Json message = Json::object(), messages = Json::array();
  message.set("role", "user");
  message.set("content", text);
  messages.push(std::move(message));
  return messages;
}

Result<LabelledRow> read_row(std::string_view line) {
  if (line.size() > kLineMax) return Error{"is longer than 1 MiB"};
  const Json json = TRY(parse_json(line));
  if (!json.is_object()) return Error{"is no object"};
  LabelledRow row;
  const Json* messages = json.find("messages");
  if (messages) {
    if (!messages->is_array() || messages->items().empty())
      return Error{"'messages' must be a list of messages"};
    for (const Json& message : messages->items())
      if (message.text_at("role").empty() || !message.find("content"))
        return Error{"every message needs 'role' and 'content'"};
    row.messages = *messages;
    const Json& last = messages->items().back();
    if (last.text_at("role") == "assistant") {
      row.is_answer = true;
      row.answer = TRY(last.string_at("content"));
      row.messages.items().pop_back();
      if (row.messages.items().empty()) return Error{"an answer needs the message before it"};
    }
  } else {
    row.messages = user_message(TRY(json.string_at("text")));
  }
  const Json* labels = TRY(json.at("labels"));
  if (!labels->is_array() || labels->size() > kLabelsMax)
    return Error{fmt::format("'labels' must be a list of at most {} texts", kLabelsMax)};
  for (const Json& label : labels->items()) row.labels.push_back(TRY(label.as_string()));
  row.group = json.text_at("group");
  if (row.group.empty()) row.group = row.messages.dump();
  return row;
}

}  // namespace

Result<std::vector<LabelledRow>> parse_labelled_rows(std::string_view text,
                                                     const std::string& path) {
  std::vector<LabelledRow> rows;
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = trim(text.substr(begin, end - begin));
    begin = end + 1;
    ++number;
    if (line.empty()) continue;
    auto row = read_row(line);
    if (!row)
      return Error{fmt::format("{}:{}: {}", path, number, printable(row.error().message, 300))};
    row->line = number;
    if (rows.size() == kRowsMax)
      return Error{fmt::format("{}: has more than {} rows", path, kRowsMax)};
    rows.push_back(*std::move(row));
  }
  const auto harmful =
      std::count_if(rows.begin(), rows.end(), [](const auto& row) { return row.is_harmful(); });
  if (harmful == 0 || size_t(harmful) == rows.size())
    return Error{
        fmt::format("{}: has {} rows with labels and {} without; a head is trained on both kinds",
                    path, harmful, rows.size() - size_t(harmful))};
  return rows;
}

Result<std::vector<LabelledRow>> read_labelled_rows(const std::string& path) {
  const std::string text = TRY(read_file(path, kFileMax));
  return parse_labelled_rows(text, path);
}

}  // namespace weir

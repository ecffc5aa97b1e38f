// What the files that read a row share: the row itself, which remembers the keys that were read,
// and what has become of it so far.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tasks/problem.h"

namespace weir {

class RowReader {
 public:
  // `row`: an object, which outlives this.
  explicit RowReader(const Json& row) : row_(row), is_read_(row.size()) {}

  // Null when absent or null. A key that was asked for counts as read.
  const Json* find(std::string_view key);
  // The first of `keys` that is there; else the first that is null; else null.
  struct Found {
    const char* key = nullptr;
    const Json* value = nullptr;  // null: the value is null or there is none
    bool is_null() const { return key != nullptr && value == nullptr; }
  };
  Found find_any(std::initializer_list<const char*> keys);
  // "" when absent or null.
  Result<std::string> text_if_any(std::string_view key);

  // The first reason counts.
  void leave_out(std::string reason) {
    if (left_out.empty()) left_out = std::move(reason);
  }
  bool is_left_out() const { return !left_out.empty(); }
  void note(std::string what) { notes.push_back(std::move(what)); }
  // Keys with a value that nobody asked for.
  std::vector<std::string> unread() const;

  Problem problem;
  std::string left_out;
  std::vector<std::string> notes;

 private:
  const Json& row_;
  std::vector<bool> is_read_;
};

// A string, or a number as it was written. `key` is for the error.
Result<std::string> text_of(const Json& value, std::string_view key);

// row_messages.cpp
// Messages of any list: role and content, or from and value, in any mixture.
Result<std::vector<Message>> read_messages(const Json& list, const std::string& key,
                                           RowReader& row);
// A message, a list of them, or the text of one of `role`.
Result<std::vector<Message>> read_turns(const Json& value, const std::string& key, Role role,
                                        RowReader& row);
// Thinking from its own key in `object`, or from a think block at the beginning of the reply; also
// one that only closes, because the prompt opened it.
Result<void> read_thinking(const Json& object, Message& message, RowReader& row);
// Leaves out what is no conversation: system first if at all, then user and assistant in turn.
void check_order(RowReader& row);

// row_columns.cpp
// gold, verifier, language, difficulty, and the columns that say that a row is of no use here.
Result<void> read_columns(RowReader& row);

// row_preference.cpp
// `chosen` and `rejected` behind `question`, which may be empty: then what both begin with is
// asked.
Result<void> read_preference(const Json& chosen, const Json& rejected,
                             std::vector<Message> question, RowReader& row);

}  // namespace weir

// Where a program keeps what users do not ask for by name: $XDG_STATE_HOME/weir, else
// ~/.local/state/weir (XDG Base Directory Specification). Readable by its owner only.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

// Makes the folder. An error where there is no home or it cannot be written.
Result<std::string> state_folder();

// The questions of earlier sessions, for the keys up and down: a file of one JSON text a line, of
// at most 1,000 lines and 1 MiB.
class InputHistory {
 public:
  // Lines that cannot be read are left out; a file that grew too long is cut to its end.
  static Result<InputHistory> open(const std::string& path);
  const std::vector<std::string>& lines() const { return lines_; }
  // Appends to the file. Several sessions may do so at once. Texts over 64 KiB stay out.
  Result<void> add(const std::string& text);

 private:
  explicit InputHistory(std::string path) : path_(std::move(path)) {}
  std::string path_;
  std::vector<std::string> lines_;
};

}  // namespace weir

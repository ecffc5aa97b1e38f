#include "knowledge/hand_off.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace weir {

Json one_turn(const std::string& question) {
  Json message = Json::object();
  message.set("role", "user");
  message.set("content", question);
  Json messages = Json::array();
  messages.push(std::move(message));
  return messages;
}

Json hand_off_json(const std::string& base, const UnansweredQuestion& question, Json conversation) {
  Json json = Json::object();
  json.set("time", question.asked);
  json.set("base", base);
  json.set("question", question.question);
  json.set("reason", question.reason);
  json.set("conversation", std::move(conversation));
  return json;
}

Result<void> append_to_mailbox(const std::string& path, std::string_view line, bool follows_link) {
  const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | (follows_link ? 0 : O_NOFOLLOW);
  const int file = ::open(path.c_str(), flags, 0600);
  if (file < 0) return Error{path + ": " + std::strerror(errno)};
  const std::string text = std::string(line) + "\n";
  const ssize_t written = ::write(file, text.data(), text.size());
  const int reason = errno;
  ::close(file);
  if (written != ssize_t(text.size()))
    return Error{path + ": " + (written < 0 ? std::strerror(reason) : "the disk is full")};
  return {};
}

}  // namespace weir

// The guard of a server: judges requests before they are prepared, and notes every decision in the
// audit log.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "guard/argument_rule.h"
#include "guard/audit_log.h"
#include "guard/guard.h"
#include "serve/api_error.h"
#include "serve/serve_request.h"
#include "serve/served_model.h"
#include "tokenizer/tokenizer.h"

namespace weir {

// What the guard keeps of a request for its reply.
struct GuardedRequest {
  std::string id = {};  // of the request, in the audit log
  GuardSubject subject = {};
  std::string asked = {};  // what is new in the conversation, for a judge
  CallContext calls = {};
  int64_t calls_before = 0;  // of tools, in the conversation
  PolicyHeads heads = {};
  bool has_form = false;                     // the answer is held to a form: no label
  std::optional<GuardVerdict> refusal = {};  // instead of a reply
};

class GuardDesk {
 public:
  // `audit`: may be null, then decisions are noted nowhere.
  GuardDesk(std::shared_ptr<const Guard> guard, std::unique_ptr<AuditLog> audit)
      : guard_(std::move(guard)), audit_(std::move(audit)) {}

  const Guard& guard() const { return *guard_; }
  const Policy& policy() const { return guard_->policy(); }

  // Judges every text of the request, changes what is to be changed, and withholds results of tools
  // and earlier turns that it would refuse. The error: 503 where the audit log can not be written.
  ApiResult<GuardedRequest> screen(ServeRequest& request, const std::string& key,
                                   const std::string& model, const std::string& id,
                                   const Tokenizer& tokenizer);
  // A text that is put into a prompt: nothing where it is withheld.
  std::optional<std::string> screen_document(const std::string& text, const GuardedRequest& who,
                                             bool& is_injected);
  // An entry, where the policy wants one. The error where it also says that the server then stops.
  std::optional<ApiError> note(const GuardedRequest& who, Direction direction,
                               const GuardVerdict& verdict, std::string_view text);

 private:
  struct Screening;
  std::optional<ApiError> check_log();

  const std::shared_ptr<const Guard> guard_;
  const std::unique_ptr<AuditLog> audit_;
  std::atomic<bool> is_failing_{false};
};

// For clients: {"action", "category", "name"}.
Json withheld_json(const Policy& policy, const GuardVerdict& verdict);

}  // namespace weir

// The verifiers, one maker each; verifier.cpp chooses by name. `argument` is what follows the
// colon of the name, or "".
#pragma once
#include <memory>
#include <string>

#include "verify/verifier.h"

namespace weir {

using VerifierResult = Result<std::unique_ptr<Verifier>>;
VerifierResult make_exact(const std::string& argument);      // verify_exact.cpp
VerifierResult make_numeric(const std::string& argument);    // verify_numeric.cpp
VerifierResult make_choice(const std::string& argument);     // verify_choice.cpp
VerifierResult make_regex(const std::string& argument);      // verify_regex.cpp
VerifierResult make_countdown(const std::string& argument);  // verify_countdown.cpp
VerifierResult make_command(const std::string& argument);    // command_verifier.cpp
VerifierResult make_refusal(const std::string& argument);    // verify_refusal.cpp
VerifierResult make_guard(const std::string& argument);      // verify_guard.cpp

// For those that take none.
Result<void> expect_no_argument(const std::string& name, const std::string& argument);

}  // namespace weir

// Limits of requests that the dialects share.
#pragma once

namespace weir {

constexpr int kTokensMax = 1 << 24;  // that a reply may be asked to have
constexpr int kStopsMax = 64, kPromptsMax = 128, kChoicesMax = 128;
constexpr int kTopMax = 20;  // log-probabilities beside each token

}  // namespace weir

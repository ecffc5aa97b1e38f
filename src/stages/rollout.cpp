#include "stages/rollout.h"

#include "base/stop_signal.h"

namespace weir {
namespace {

class StopOnSignal : public Listener {
 public:
  bool on_token(const TokenEvent&) override { return true; }
  bool is_cancelled() override { return stop_requested(); }
};

void judge(Rollout& rollout, const ConversationFormat& format, const Problem& problem,
           const Verifier* verifier) {
  rollout.reply = format.parse(rollout.completion.tokens);
  rollout.is_truncated = rollout.completion.reason == FinishReason::length;
  if (verifier && !rollout.is_truncated)
    rollout.verdict = verifier->check(rollout.reply.answer, problem.gold);
  rollout.language = language_share(rollout.reply.thinking, problem.language);
}

}  // namespace

Result<std::vector<Rollout>> roll_out(Generator& generator, const ConversationFormat& format,
                                      Verifiers& verifiers, std::span<const Problem> problems,
                                      const RolloutOptions& options, ThreadPool& pool) {
  std::vector<Request> requests;
  std::vector<Rollout> rollouts;
  std::vector<const Verifier*> judges;
  for (size_t p = 0; p < problems.size(); ++p) {
    const Verifier* verifier = nullptr;
    if (!problems[p].verifier.empty()) verifier = TRY(verifiers.of(problems[p]));
    judges.push_back(verifier);
    std::vector<int> prompt = TRY_IN(problems[p].place, format.prompt(problems[p].question()));
    for (int s = 0; s < options.samples; ++s) {
      Request request;
      request.prompt = prompt;
      request.tokens_max = options.reply_tokens;
      request.sampling.temperature = options.temperature;
      request.sampling.top_p = options.top_p;
      request.sampling.seed = options.seed;
      request.stream = options.stream + requests.size();
      request.stop_ids = format.ends();
      request.records_experts = options.records_experts;
      requests.push_back(std::move(request));
      Rollout& rollout = rollouts.emplace_back();
      rollout.problem = p;
      rollout.prompt = prompt;
    }
  }
  StopOnSignal listener;
  std::vector<Completion> completions = TRY(generator.generate(requests, &listener));
  for (const Completion& completion : completions)
    if (completion.reason == FinishReason::cancelled) return std::vector<Rollout>();
  pool.parallel_for(int(rollouts.size()), [&](int i, int) {
    Rollout& rollout = rollouts[size_t(i)];
    rollout.completion = std::move(completions[size_t(i)]);
    judge(rollout, format, problems[rollout.problem], judges[rollout.problem]);
  });
  return rollouts;
}

double language_share(std::string_view text, const std::string& language) {
  if (language != "en" && language != "zh") return 1;
  int64_t latin = 0, chinese = 0;
  bool in_word = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_letter = (byte | 32) >= 'a' && (byte | 32) <= 'z';
    latin += is_letter && !in_word;
    in_word = is_letter;
    // U+3400 to U+9FFF: a first byte of e3 (from e3 90) to e9.
    const bool is_chinese =
        (byte >= 0xe4 && byte <= 0xe9) ||
        (byte == 0xe3 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0x90);
    chinese += is_chinese;
  }
  const int64_t words = latin + chinese;
  if (words == 0) return 1;
  return double(language == "en" ? latin : chinese) / double(words);
}

const char* outcome_name(const Rollout& rollout) {
  return rollout.is_truncated ? "truncated" : verdict_name(rollout.verdict);
}

}  // namespace weir

// Divergences between a student's next-token distribution and a teacher's, with their gradients by
// the student's logits: what distillation minimises.
//
// With student p and teacher q over the vocabulary (Agarwal et al. 2023, GKD, arXiv:2306.13649, eq.
// 1, in the orientation of TRL):
//   beta = 0   forward KL   sum q (log q - log p)
//   beta = 1   reverse KL   sum p (log p - log q)
//   else       JSD          beta sum q (log q - log m) + (1 - beta) sum p (log p - log m),
//              m = (1 - beta) p + beta q
// Nothing is multiplied by the square of the temperature (Hinton et al. 2015 do; TRL does not).
#pragma once
#include <span>
#include <vector>

namespace weir {

// The teacher's most probable tokens at one position.
struct SparseRow {
  std::span<const int> tokens;
  std::span<const float> log_probabilities;  // of the tokens, log softmax over the whole vocabulary
  float log_tail = 0;  // log of the probability of all other tokens; -inf: there are none
};

// What becomes of the tokens that the teacher's row does not name.
enum class DivergenceTail {
  bucket,   // one further outcome, with the probability of all of them together
  dropped,  // both distributions are normalised over the named tokens
};

// Logits of student and teacher over the same vocabulary, temperature applied. With `with_gradient`
// the student's logits become d divergence / d logits, else they are left as they were.
double divergence(std::span<float> student, std::span<const float> teacher, double beta,
                  bool with_gradient);

// The same where only some of the teacher's probabilities are known. The student's tail is summed
// over its tokens, not taken as 1 minus the rest: it keeps its digits where nearly all probability
// is on the named tokens, and its gradient reaches every logit.
double divergence(std::span<float> student, const SparseRow& teacher, DivergenceTail tail,
                  double beta, bool with_gradient);

// The `count` largest logits as a row, largest first, ties to the lower token; all when the
// vocabulary is smaller. Appends to `tokens` and `log_probabilities`, returns the log of the tail,
// summed over its tokens. Destroys the logits.
float append_top(std::span<float> logits, int count, std::vector<int>& tokens,
                 std::vector<float>& log_probabilities);

}  // namespace weir

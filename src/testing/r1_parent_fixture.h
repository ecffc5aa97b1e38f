// For tests: a tiny model as others publish them, with a ChatML-like template and its own end of a
// reply, as a HuggingFace folder and as a GGUF file; and recipes whose stages begin from it.
#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "convert/convert.h"
#include "model/model.h"
#include "pipeline/pipeline.h"
#include "testing/training_fixture.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {

inline const std::string kChatMl =
    "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\\nHelp.<|im_end|>\\n' }}"
    "{% endif %}{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + "
    "'<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

class R1Parent : public testing::Test {
 protected:
  // A random model of a family ("qwen2", "llama"), about 10 k parameters.
  static void write_parent(const std::string& folder, const std::string& family,
                           const std::string& chat_template = kChatMl, bool has_end = true) {
    ASSERT_TRUE(make_directories(folder));
    const std::string_view text = "say it is so, say it is so and so; say a and b";
    TokenizerTrainOptions options;
    options.vocab_size = 264;
    options.added_tokens = {{"<|im_start|>"}};
    if (has_end)
      options.added_tokens.insert(options.added_tokens.end(), {{"<|endoftext|>"}, {"<|im_end|>"}});
    options.pattern = "gpt-2";
    if (has_end) options.eos = "<|endoftext|>";
    ThreadPool pool(1);
    Result<Tokenizer> tokenizer = train_tokenizer({&text, 1}, options, pool);
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    ASSERT_TRUE(write_tokenizer(*tokenizer, folder, {128, chat_template}));
    const std::string config =
        "{\"model_type\": \"" + family + "\", \"architectures\": [\"" +
        (family == "llama" ? "LlamaForCausalLM" : "Qwen2ForCausalLM") +
        "\"], \"vocab_size\": " + std::to_string(tokenizer->size() + 3) +
        ", \"hidden_size\": 16, \"intermediate_size\": 24, \"num_hidden_layers\": 2, "
        "\"num_attention_heads\": 2, \"num_key_value_heads\": 1, \"max_position_embeddings\": 128, "
        "\"rms_norm_eps\": 1e-6, \"rope_theta\": 10000.0, \"tie_word_embeddings\": true, "
        "\"hidden_act\": \"silu\", \"initializer_range\": 0.1, \"eos_token_id\": " +
        std::to_string(tokenizer->eos()) + "}";
    write_text(join_path(folder, "config.json"), config);
    if (has_end)
      write_text(join_path(folder, "generation_config.json"),
                 "{\"eos_token_id\": [" + std::to_string(tokenizer->eos()) + ", " +
                     std::to_string(*tokenizer->find_added("<|im_end|>")) + "]}\n");
    Result<ModelConfig> parsed = parse_config(*parse_json(config), "config");
    ASSERT_TRUE(parsed) << parsed.error().message;
    std::unique_ptr<Model> model = Model::create(*parsed, false);
    model->initialize(7);
    ASSERT_TRUE(save_model(*model, join_path(folder, "model.safetensors")));
  }
  static void write_gguf(const std::string& folder, const std::string& to,
                         const std::string& type = "") {
    ThreadPool pool(1);
    ConvertListener listener;
    ConvertRequest request;
    request.from = folder;
    request.to = to;
    request.type = type;
    Result<ConvertResult> converted = convert(request, pool, listener);
    ASSERT_TRUE(converted) << converted.error().message;
  }
  static void write_text(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::trunc) << text;
  }

  std::string path(const std::string& name) const { return own_.file(name); }

  // Questions that are answered by "a", "b" or "ab", where "a" is right.
  std::string rows() {
    const std::string file = path("said.jsonl");
    static const char* const kReplies[] = {"a", "b", "a", "ab"};
    std::string text;
    for (int i = 0; i < 60; ++i)
      text += "{\"question\": \"say " + std::to_string(i) + "\", \"answer\": \"" + kReplies[i % 4] +
              "\", \"gold\": \"a\", \"verifier\": \"exact\"}\n";
    write_text(file, text);
    return file;
  }

  // Every kind of stage, each from the parent or from one that is.
  std::string yaml(const std::string& parent, const std::string& run) {
    const std::string said = "{said: {kind: file, path: " + rows() + ", held_out: 0.2}}";
    const std::string rl =
        ", prompts: 3, group: 4, reply_tokens: 4, lr: 0.002, weight_decay: 0, data: " + said;
    return "run: " + run + "\nrows: 64\nreply_estimate: 2\ncheckpoint_every: 2\nevaluation: " +
           "{problems: 4, samples: 2, reply_tokens: 4, sets: " + said + "}\nstages:\n" +
           "  base: {kind: pretrain, parent: " + parent + ", steps: 4, tokens: 128, lr: 0.003, " +
           "data: " + said + "}\n  tuned: {kind: sft, parent: " + parent +
           ", steps: 40, tokens: 128, lr: 0.02, warmup_steps: 0, data: " + said +
           "}\n  zero: {kind: grpo, parent: tuned, steps: 4, kl_weight: 0.05" + rl +
           "}\n  direct: {kind: grpo, parent: " + parent + ", steps: 2" + rl +
           "}\n  kept: {kind: sft, parent: " + parent +
           ", steps: 2, tokens: 128, samples: {from: tuned, problems: 12, reply_tokens: 4}, "
           "data: " +
           said + "}\n  judge: {kind: reward, parent: " + parent +
           ", steps: 2, examples: 4, data: " + said +
           "}\n  last: {kind: grpo, parent: kept, steps: 2" + rl +
           ", rewards: {accuracy: 1, helpful: {weight: 0.5, model: judge}}}\n";
  }
  static const std::vector<std::string>& stages() {
    static const std::vector<std::string> names = {"base", "tuned", "zero", "direct",
                                                   "kept", "judge", "last"};
    return names;
  }

  static Result<R1Summary> go(const std::string& yaml, const std::vector<std::string>& sets = {},
                              int threads = 1) {
    Recipe file = TRY(Recipe::parse(yaml, "r.yaml"));
    for (const std::string& set : sets) TRY(file.set(set));
    R1Recipe recipe = TRY(read_r1_recipe(file));
    ThreadPool pool(threads);
    testing::internal::CaptureStderr();
    Result<R1Summary> summary = run_r1(recipe, {}, pool);
    testing::internal::GetCapturedStderr();
    return summary;
  }
  static std::string error_of(const std::string& yaml, const std::vector<std::string>& sets = {}) {
    Result<R1Summary> summary = go(yaml, sets);
    return summary ? "" : summary.error().message;
  }

  static std::string stage_file(const std::string& run, const std::string& stage,
                                const std::string& file) {
    return run + "/stages/" + stage + "/" + file;
  }
  static std::string sha_of(const std::string& run, const std::string& stage) {
    Result<std::string> sha = sha256_file(stage_file(run, stage, "model.safetensors"));
    return sha ? *sha : sha.error().message;
  }

 private:
  TemporaryFolder own_;
};

}  // namespace weir

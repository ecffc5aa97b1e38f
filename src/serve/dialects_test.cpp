// Replies that go on, llama.cpp's own dialect, and fields of clients that are used or refused.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/scorer.h"
#include "testing/serve_fixture.h"

namespace weir {
namespace {

std::string joined(const std::vector<Json>& events, std::string_view path) {
  std::string text;
  for (const Json& event : events) text += at(event, path).text();
  return text;
}

TEST(Dialects, ALastMessageOfTheAssistantGoesOn) {
  const auto server = tiny_server();
  const int port = server->port();
  const std::string wanted = tiny_completion("<user>hello<assistant>abc", 24).text;
  const auto is_wanted = [&](const std::string& text) {
    EXPECT_FALSE(text.empty());
    // Blanks at its end are left out.
    EXPECT_EQ(wanted.rfind(text, 0), 0u) << text << "\n" << wanted;
    EXPECT_TRUE(trim(wanted.substr(text.size())).empty());
  };
  const std::string messages =
      R"("messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "abc")";
  const std::string greedy = R"("temperature": 0, "max_tokens": 24, )";
  for (const char* more : {"}]", R"(, "prefix": true}])", "}], \"continue_final_message\": true"})
    is_wanted(
        at(ask(port, "POST", "/beta/chat/completions", "{" + greedy + messages + more + "}").json(),
           "choices.0.message.content")
            .text());
  is_wanted(joined(stream_events(ask(port, "POST", "/v1/chat/completions",
                                     R"({"stream": true, )" + greedy + messages + "}]}")
                                     .body),
                   "choices.0.delta.content"));
  is_wanted(at(ask(port, "POST", "/v1/messages", "{" + greedy + messages + "}]}").json(),
               "content.0.text")
                .text());
  is_wanted(at(ask(port, "POST", "/api/chat",
                   R"({"stream": false, "options": {"temperature": 0, "num_predict": 24}, )" +
                       messages + "}]}")
                   .json(),
               "message.content")
                .text());
  is_wanted(at(ask(port, "POST", "/v1/responses",
                   R"({"temperature": 0, "max_output_tokens": 24, "input": [
              {"role": "user", "content": "hello"}, {"role": "assistant", "content": "abc"}]})")
                   .json(),
               "output.0.content.0.text")
                .text());
  // Not continued: the same conversation with a new reply.
  const std::string fresh =
      at(ask(port, "POST", "/v1/chat/completions",
             "{" + greedy + messages + "}], \"continue_final_message\": false}")
             .json(),
         "choices.0.message.content")
          .text();
  EXPECT_NE(tiny_completion("<user>hello<assistant>abc<assistant>", 24).text.find(fresh),
            std::string::npos);
}

TEST(Dialects, AFormHoldsTheWholeReplyThatGoesOn) {
  const auto server = tiny_server();
  const std::string form =
      R"("response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object",
          "properties": {"age": {"type": "integer", "minimum": 3, "maximum": 9}},
          "required": ["age"], "additionalProperties": false}}}})";
  const auto send = [&](const std::string& begun) {
    return ask(server->port(), "POST", "/v1/chat/completions",
               R"({"temperature": 0, "max_tokens": 200, "messages": [{"role": "user",
                   "content": "hello"}, {"role": "assistant", "content": ")" +
                   begun + "\"}], " + form);
  };
  const Json reply = send(R"({\"age\":)").json();
  const std::string text = "{\"age\":" + at(reply, "choices.0.message.content").text();
  const auto object = parse_json(text);
  ASSERT_TRUE(object) << text;
  EXPECT_GE(number(*object, "age"), 3);
  const ServedReply refused = send("The age is");
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("response_format"), std::string::npos) << refused.body;
}

TEST(Dialects, CompletionIsWhatTheGeneratorSays) {
  const auto server = tiny_server();
  const int port = server->port();
  const Completion wanted = tiny_completion("abc", 12);
  const Json reply = ask(port, "POST", "/completion",
                         R"({"prompt": "abc", "n_predict": 12, "temperature": 0,
                             "return_tokens": true, "n_probs": 2})")
                         .json();
  EXPECT_EQ(at(reply, "content").text(), wanted.text);
  EXPECT_EQ(number(reply, "tokens_predicted"), int64_t(wanted.tokens.size()));
  EXPECT_EQ(number(reply, "tokens_evaluated"), 3);
  EXPECT_EQ(at(reply, "prompt").text(), "abc");
  EXPECT_EQ(at(reply, "stop").dump(), "true");
  EXPECT_EQ(at(reply, "stop_type").text(), wanted.reason == FinishReason::length ? "limit" : "eos");
  EXPECT_EQ(number(reply, "generation_settings.n_predict"), 12);
  EXPECT_EQ(number(reply, "timings.predicted_n"), number(reply, "tokens_predicted"));
  ASSERT_GE(at(reply, "tokens").size(), 5u);
  for (size_t i = 0; i < at(reply, "tokens").size(); ++i) {
    EXPECT_EQ(*at(reply, "tokens").items()[i].as_int(), wanted.tokens[i]);
    const Json& score = at(reply, "completion_probabilities").items()[i];
    EXPECT_EQ(*at(score, "logprob").as_double(), double(wanted.model_log_probabilities[i]));
    EXPECT_EQ(at(score, "top_logprobs").size(), 2u);
    EXPECT_EQ(number(score, "top_logprobs.0.id"), wanted.tokens[i]);  // greedy
  }
  const std::string body = ask(port, "POST", "/completion",
                               R"({"prompt": "abc", "n_predict": 12, "temperature": 0,
                                   "stream": true})")
                               .body;
  EXPECT_EQ(body.find("[DONE]"), body.npos);
  const std::vector<Json> events = stream_events(body);
  EXPECT_EQ(joined(events, "content"), wanted.text);
  size_t tokens = 0;
  for (const Json& event : events) tokens += at(event, "tokens").size();
  EXPECT_EQ(tokens, at(reply, "tokens").size());
  EXPECT_EQ(at(events[0], "stop").dump(), "false");
  EXPECT_EQ(at(events.back(), "stop").dump(), "true");
  EXPECT_EQ(number(events.back(), "tokens_predicted"), number(reply, "tokens_predicted"));
}

TEST(Dialects, CompletionTakesMixedAndManyPrompts) {
  const auto server = tiny_server();
  const auto send = [&](const std::string& more) {
    return ask(server->port(), "POST", "/completion",
               R"({"temperature": 0, "n_predict": 6, )" + more + "}")
        .json();
  };
  const OpenModel open = open_tiny_model();
  const std::vector<int> ids = *open.tokenizer->encode("ab");
  const std::string whole = at(send(R"("prompt": "abc")"), "content").text();
  const Json joined_prompt = send(fmt::format(R"("prompt": [{}, "bc"])", ids[0]));
  EXPECT_EQ(at(joined_prompt, "content").text(), whole);
  EXPECT_EQ(at(joined_prompt, "prompt").text(), "abc");
  const Json many = send(fmt::format(
      R"("prompt": ["abc", ["a", {}, "c"], {{"prompt_string": "x"}}], "n_cmpl": 2)", ids[1]));
  ASSERT_EQ(many.size(), 6u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(at(many.items()[i], "content").text(), whole);
  EXPECT_EQ(number(many.items()[5], "tokens_evaluated"), 1);
  EXPECT_EQ(number(many.items()[5], "index"), 5);
  const Json read =
      ask(server->port(), "POST", "/completion", R"({"prompt": "abc", "n_predict": 0})").json();
  EXPECT_EQ(at(read, "content").text(), "");
  EXPECT_EQ(number(read, "tokens_predicted"), 0);
  const Json some = send(R"("prompt": "abc", "response_fields": ["content",
                             "generation_settings/n_predict", "nothing"])");
  EXPECT_EQ(some.size(), 2u);
  EXPECT_EQ(number(some, "n_predict"), 6);
  const Json digits =
      send(R"("prompt": "abc", "json_schema": {"type": "integer", "minimum": 3, "maximum": 9})");
  EXPECT_EQ(at(digits, "content").text().find_first_not_of("3456789"), std::string::npos);
  const Json stopped = send(R"("prompt": "abc", "grammar": "root ::= \"xyz\"", "stop": ["y"])");
  EXPECT_EQ(at(stopped, "content").text(), "x");
  EXPECT_EQ(at(stopped, "stop_type").text(), "word");
  EXPECT_EQ(at(stopped, "stopping_word").text(), "y");
  const Json error = send(R"("prompt": [99999])");
  EXPECT_EQ(number(error, "error.code"), 400);
  EXPECT_EQ(at(error, "error.type").text(), "invalid_request_error");
}

TEST(Dialects, ATemplateAppliedIsTheChatsPrompt) {
  const auto server = tiny_server();
  const int port = server->port();
  const std::string messages = R"({"messages": [{"role": "user", "content": "hello"}])";
  const Json applied = ask(port, "POST", "/apply-template", messages + "}").json();
  EXPECT_EQ(at(applied, "prompt").text(), "<user>hello<assistant>");
  const Json slots = ask(port, "GET", "/slots").json();
  ASSERT_GT(slots.size(), 0u);
  EXPECT_EQ(at(slots, "0.is_processing").dump(), "false");
  const Json properties = ask(port, "GET", "/props").json();
  EXPECT_EQ(number(properties, "total_slots"), int64_t(slots.size()));
  EXPECT_EQ(at(properties, "model_path").text(), "tiny.gguf");
  EXPECT_EQ(at(properties, "eos_token").text(), "<eos>");
  EXPECT_EQ(ask(port, "GET", "/v1/health").status, 200);
}

// The random model does not end its thought by itself within these tokens.
TEST(Dialects, AThoughtEndsAtItsBudget) {
  const auto server = tiny_server(true);
  const int port = server->port();
  const std::string user = R"({"messages": [{"role": "user", "content": "hello"}],
                               "temperature": 0, "max_tokens": 20)";
  const auto thoughts = [](const Json& reply) {
    return number(reply, "usage.completion_tokens_details.reasoning_tokens");
  };
  const Json free = ask(port, "POST", "/v1/chat/completions", user + "}").json();
  ASSERT_GT(thoughts(free), 8);
  for (const char* limit : {R"(, "thinking": {"type": "enabled", "budget_tokens": 6}})",
                            R"(, "reasoning_budget_tokens": 6})"}) {
    const Json reply = ask(port, "POST", "/v1/chat/completions", user + limit).json();
    EXPECT_LE(thoughts(reply), 7) << reply.dump();  // with its end
    EXPECT_GE(thoughts(reply), 6) << reply.dump();
    EXPECT_FALSE(at(reply, "choices.0.message.content").text().empty()) << reply.dump();
  }
  const Json message = ask(port, "POST", "/v1/messages",
                           user + R"(, "thinking": {"type": "enabled", "budget_tokens": 6}})")
                           .json();
  EXPECT_EQ(at(message, "content.0.type").text(), "thinking");
  EXPECT_EQ(at(message, "content.1.type").text(), "text") << message.dump();
  const Json begun = ask(port, "POST", "/v1/chat/completions",
                         R"({"messages": [{"role": "user", "content": "hello"},
                             {"role": "assistant", "content": null, "prefix": true,
                              "reasoning_content": "so"}], "temperature": 0, "max_tokens": 9})")
                         .json();
  EXPECT_GT(at(begun, "choices.0.message.reasoning_content").text().size(), 0u) << begun.dump();
}

TEST(Dialects, FieldsThatWouldChangeTheReplyAreRefused) {
  const auto server = tiny_server();
  struct Case {
    const char *path, *body;
    int status;
    const char* words;
  };
  const char *chat = "/v1/chat/completions",
             *user = "\"messages\": [{\"role\": \"user\", \"content\": ";
  for (const Case& c : {
           Case{chat, "\"x\"}], \"functions\": [{\"name\": \"f\"}]", 400, "'tools'"},
           {chat, "\"x\"}], \"modalities\": [\"text\", \"audio\"]", 400, "'modalities'"},
           {chat, "\"x\"}], \"web_search_options\": {}", 501, "'web_search_options'"},
           {chat, "[{\"type\": \"image_url\"}]}]", 400, "image_url"},
           {chat, "\"x\", \"prefix\": true}]", 400, "'messages[0].prefix'"},
           {chat, "\"x\"}], \"continue_final_message\": true", 400, "'continue_final_message'"},
           {"/v1/messages", "[{\"type\": \"image\", \"source\": {}}]}], \"max_tokens\": 5", 400,
            "image"},
           {"/v1/messages", "\"x\"}], \"max_tokens\": 5, \"output_config\": {\"format\": {}}", 400,
            "output_config.format"},
           {"/api/chat", "\"x\", \"images\": [\"aGk=\"]}]", 400, "images"},
           {"/api/chat", "\"x\"}], \"top_logprobs\": 2", 400, "'top_logprobs'"},
           {"/api/generate", "\"x\"}], \"prompt\": \"x\", \"context\": [1, 2]", 400, "'context'"},
           {"/api/generate", "\"x\"}], \"prompt\": \"x\", \"template\": \"t\"", 400, "'template'"},
           {"/completion", "\"x\"}]", 400, "'prompt'"},
       }) {
    const ServedReply reply =
        ask(server->port(), "POST", c.path, "{" + std::string(user) + c.body + "}");
    EXPECT_EQ(reply.status, c.status) << c.path << c.body;
    EXPECT_NE(reply.body.find(c.words), std::string::npos) << reply.body;
  }
}

TEST(Dialects, FieldsOfNewClientsAreUsed) {
  const auto server = tiny_server();
  const int port = server->port();
  const std::string user = R"("messages": [{"role": "user", "content": "hello"}])";
  const Json scored = ask(port, "POST", "/api/chat",
                          "{" + user + R"(, "stream": false, "logprobs": true, "top_logprobs": 2,
                              "options": {"temperature": 0, "num_predict": 8}})")
                          .json();
  EXPECT_EQ(at(scored, "logprobs.0.top_logprobs").size(), 2u);
  const Json held = ask(port, "POST", "/v1/messages",
                        "{" + user + R"(, "max_tokens": 60, "output_config": {"effort": "low",
                            "format": {"type": "json_schema", "schema":
                            {"type": "integer", "minimum": 3, "maximum": 9}}},
                            "thinking": {"type": "between_tools"}})")
                        .json();
  EXPECT_EQ(at(held, "content.0.text").text().size(), 1u) << held.dump();
  // Ignored: they change nothing here.
  const ServedReply ignored =
      ask(port, "POST", "/v1/chat/completions",
          R"({"messages": [{"role": "developer", "content": "d", "name": "n"},
              {"role": "user", "content": [{"type": "text", "text": "a"},
                                           {"type": "text", "text": "b"}]},
              {"role": "assistant", "content": null, "refusal": "no"},
              {"role": "user", "content": "c"}],
              "max_tokens": -1, "max_completion_tokens": 3, "user": "u", "metadata": {"k": "v"},
              "store": true, "service_tier": "auto", "verbosity": "low", "safety_identifier": "s",
              "prompt_cache_key": "p", "prediction": {"type": "content", "content": "x"},
              "parallel_tool_calls": true, "modalities": ["text"], "logit_bias": {}})");
  EXPECT_EQ(ignored.status, 200) << ignored.body;
}

// What evaluations of other programs ask for: the prompt's own tokens with their log-probabilities.
TEST(Dialects, APromptIsEchoedWithItsScores) {
  const auto server = tiny_server();
  OpenModel open = open_tiny_model();
  const std::vector<int> prompt = *open.tokenizer->encode("<user>hello");
  const auto scorer = Scorer::create(*open.model, *open.pool, int(prompt.size()));
  const std::vector<float> wanted = *(*scorer)->log_probabilities(prompt);
  Json ids = Json::array();
  for (const int id : prompt) ids.push(id);
  const auto asked = [&](int tokens, const char* more) {
    return fmt::format(R"({{"prompt": [{}], "echo": true, "logprobs": 1, "temperature": 0,
                           "max_tokens": {}{}}})",
                       ids.dump(), tokens, more);
  };
  for (const int tokens : {0, 1}) {
    const Json reply = ask(server->port(), "POST", "/v1/completions", asked(tokens, "")).json();
    const Json& scores = at(reply, "choices.0.logprobs");
    EXPECT_EQ(at(scores, "tokens").size(), prompt.size() + size_t(tokens));
    ASSERT_EQ(at(scores, "token_logprobs").size(), prompt.size() + size_t(tokens));
    EXPECT_TRUE(at(scores, "token_logprobs.0").is_null());
    EXPECT_TRUE(at(scores, "top_logprobs.0").is_null());
    for (size_t i = 1; i < prompt.size(); ++i) {
      const double score = *at(scores, "token_logprobs").items()[i].as_double();
      EXPECT_EQ(score, double(wanted[i])) << i;
      double most = score;
      for (const auto& [text, value] : at(scores, "top_logprobs").items()[i].members())
        most = std::max(most, *value.as_double());
      EXPECT_GE(most, score);
      EXPECT_TRUE(
          at(scores, "top_logprobs").items()[i].find(at(scores, "tokens").items()[i].text()));
    }
    EXPECT_EQ(number(reply, "usage.completion_tokens"), tokens);
    EXPECT_EQ(at(reply, "choices.0.text").text().substr(0, 11), "<user>hello");
  }
  const auto events = stream_events(
      ask(server->port(), "POST", "/v1/completions", asked(3, R"(, "stream": true)")).body);
  EXPECT_EQ(at(events[0], "choices.0.text").text(), "<user>hello");
  EXPECT_EQ(at(events[0], "choices.0.logprobs.tokens").size(), prompt.size());
  const ServedReply hole =
      ask(server->port(), "POST", "/v1/completions", R"({"prompt": "a", "max_tokens": 0})");
  EXPECT_EQ(hole.status, 400) << "nothing alone is no answer";
}

TEST(Dialects, TokensAreAlsoGivenInTheFormOfVllm) {
  const auto server = tiny_server();
  const int port = server->port();
  const Json tokens =
      ask(port, "POST", "/tokenize", R"({"prompt": "h\u00e9llo", "return_token_strs": true})")
          .json();
  EXPECT_EQ(number(tokens, "count"), int64_t(at(tokens, "tokens").size()));
  EXPECT_EQ(number(tokens, "max_model_len"), 4096);
  EXPECT_EQ(at(tokens, "token_strs").size(), at(tokens, "tokens").size());
  EXPECT_EQ(at(ask(port, "POST", "/detokenize", tokens.dump()).json(), "prompt").text(),
            "h\u00e9llo");
  const Json chat =
      ask(port, "POST", "/tokenize", R"({"messages": [{"role": "user", "content": "hello"}]})")
          .json();
  EXPECT_EQ(at(ask(port, "POST", "/detokenize", chat.dump()).json(), "prompt").text(),
            "<user>hello<assistant>");
  const Json info = ask(port, "GET", "/tokenizer_info").json();
  EXPECT_EQ(at(info, "eos_token").text(), "<eos>");
  EXPECT_EQ(at(info, "chat_template").text(), kTinyTemplate);
}

}  // namespace
}  // namespace weir

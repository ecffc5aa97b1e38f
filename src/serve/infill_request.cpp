#include "serve/infill_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "serve/llama_reply.h"

namespace weir {
namespace {

constexpr size_t kFilesMax = 256;
constexpr int kMillisecondsMax = 3'600'000, kIndentMax = 4096;

// [{"filename": ..., "text": ...}, ...], the most important last.
void read_files(RequestFields& fields, InfillText& text) {
  const Json* files = fields.find("input_extra");
  if (!files) return;
  if (!files->is_array() || files->size() > kFilesMax)
    return fields.refuse("input_extra", fmt::format("must be a list of at most {} objects with "
                                                    "'filename' and 'text'",
                                                    kFilesMax));
  for (size_t i = 0; i < files->size(); ++i) {
    const Json& file = files->items()[i];
    const std::string place = fmt::format("input_extra[{}]", i);
    if (!file.is_object()) return fields.refuse(place, "must be an object");
    RequestFields inner(file, place + ".");
    if (!inner.has("text")) inner.refuse("text", "is missing");
    text.files.push_back({inner.text("filename"), inner.text("text")});
    fields.take(inner.error());
  }
}

}  // namespace

void read_suffix(RequestFields& fields, ServeRequest& request) {
  const std::string suffix = fields.text("suffix");
  if (suffix.empty()) return;
  for (const TextPrompt& prompt : request.prompts)
    if (prompt.is_tokens || !prompt.pieces.empty())
      fields.refuse("suffix", "needs a prompt that is text, not token ids");
  request.infill = InfillText{.suffix = suffix, .is_edited = true};
}

// llama.cpp's 'prompt' is what was typed since the prefix was made, so it ends the prefix.
void read_infill(RequestFields& fields, ServeRequest& request) {
  for (const char* key : {"input_prefix", "input_suffix"})
    if (!fields.has(key)) fields.refuse(key, "is missing; give a text, which may be empty");
  InfillText text{.suffix = fields.text("input_suffix"), .is_edited = true};
  read_files(fields, text);
  request.prompts = {{.text = fields.text("input_prefix") + fields.text("prompt")}};
  request.infill = std::move(text);
  request.cuts_infill = true;
  request.lines.indent = int(fields.whole("n_indent", 0, 0, kIndentMax));
  request.seconds_max = double(fields.whole("t_max_predict_ms", 0, -1, kMillisecondsMax)) / 1e3;
  request.seconds_max = std::max(0.0, request.seconds_max);
}

// The fields of /completion that are no part of a hole are read as there.
ApiResult<Generation> infill(const ServedModel& model, const HttpRequest& http,
                             const std::string&) {
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return std::move(body).error();
  RequestFields fields(*body);
  ServeRequest hole;
  read_infill(fields, hole);
  if (fields.error()) return *fields.error();
  body->set("prompt", hole.prompts[0].text);
  LlamaReplyOptions options;
  ApiResult<ServeRequest> request = read_llama_completion(*body, model.sampling(), options);
  if (!request) return std::move(request).error();
  if (auto error = model.check_name(request->model)) return *std::move(error);
  request->prompts = std::move(hole.prompts);
  request->infill = std::move(hole.infill);
  request->cuts_infill = true;
  request->lines = hole.lines;
  request->seconds_max = hole.seconds_max;
  auto writer = llama_writer(*request, std::move(options), model);
  return Generation{*std::move(request), std::move(writer), {}};
}

}  // namespace weir

#include "serve/infill_request.h"

#include <fmt/format.h>

namespace weir {
namespace {

constexpr size_t kFilesMax = 256;

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

ApiResult<ServeRequest> read_llama_infill(const Json& body, const SamplingOptions& defaults,
                                          LlamaReplyOptions& options) {
  RequestFields fields(body);
  for (const char* key : {"input_prefix", "input_suffix"})
    if (!fields.has(key)) fields.refuse(key, "is missing; give a text, which may be empty");
  InfillText text{.suffix = fields.text("input_suffix"), .is_edited = true};
  read_files(fields, text);
  const std::string prefix = fields.text("input_prefix") + fields.text("prompt");
  if (fields.error()) return *fields.error();
  Json completion = body;
  completion.set("prompt", prefix);
  ApiResult<ServeRequest> request = read_llama_completion(completion, defaults, options);
  if (!request) return request;
  request->infill = std::move(text);
  request->cuts_infill = true;
  return request;
}

}  // namespace weir

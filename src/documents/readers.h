// The readers of the single formats. documents.cpp chooses among them by the file's name.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "documents/document.h"
#include "documents/document_builder.h"

namespace weir {

using DocumentSink = std::function<Result<void>(Document)>;

// Streamed: files of any size up to limits.file_bytes. Errors do not name the file.
Result<void> read_csv(const std::string& path, const DocumentLimits& limits,
                      const DocumentSink& sink);
Result<void> read_jsonl(const std::string& path, const DocumentLimits& limits,
                        const DocumentSink& sink);
Result<void> read_mbox(const std::string& path, const DocumentLimits& limits,
                       const DocumentSink& sink);
// An array of objects is one document each, else the file is one.
Result<void> read_json(const std::string& path, std::string_view bytes,
                       const DocumentLimits& limits, const DocumentSink& sink);

// Read from memory, one document each.
Result<void> add_pdf(std::string bytes, const DocumentLimits& limits, DocumentBuilder& document);
Result<void> add_docx(std::string_view bytes, const DocumentLimits& limits,
                      DocumentBuilder& document);
Result<void> add_pptx(std::string_view bytes, const DocumentLimits& limits,
                      DocumentBuilder& document);
Result<void> add_xlsx(std::string_view bytes, const DocumentLimits& limits,
                      DocumentBuilder& document);
// ODT, ODP and ODS.
Result<void> add_open_document(std::string_view bytes, const DocumentLimits& limits,
                               DocumentBuilder& document);
Result<void> add_epub(std::string_view bytes, const DocumentLimits& limits,
                      DocumentBuilder& document);
Result<void> add_mail(std::string_view bytes, const DocumentLimits& limits,
                      DocumentBuilder& document);
// A JSON value: members as "key: value", long texts under a heading, arrays of alike objects as
// tables.
void add_json(const Json& value, DocumentBuilder& document);

// One document of `name` (its ending tells the format) that is in memory: an attachment. Formats
// that hold several documents become one.
Result<Document> read_document_bytes(const std::string& name, std::string bytes,
                                     const DocumentLimits& limits);

}  // namespace weir

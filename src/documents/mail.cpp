// E-mail as a document: who wrote to whom, when and about what, the text, and the attachments'
// names and texts.
#include <algorithm>

#include "base/text.h"
#include "documents/html_blocks.h"
#include "documents/mail_text.h"
#include "documents/markdown.h"
#include "documents/readers.h"
#include "documents/text_encoding.h"
#include "documents/text_stream.h"

namespace weir {
namespace {

constexpr size_t kMailBytesMax = size_t(128) << 20;

// One part that is no container, its body decoded.
struct Leaf {
  std::string type;  // "text/plain"
  std::string charset, name, bytes;
  bool is_attachment = false;
};

// The lines between boundaries, without the line end before a boundary.
std::vector<std::string_view> split_parts(std::string_view body, const std::string& boundary) {
  std::vector<std::string_view> parts;
  const std::string mark = "--" + boundary;
  size_t begin = body.npos;
  for (size_t at = 0; at < body.size();) {
    const size_t end = std::min(body.find('\n', at), body.size());
    std::string_view line = body.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(mark)) {
      const std::string_view rest = trim(line.substr(mark.size()));
      if (rest.empty() || rest == "--") {
        if (begin != body.npos) {
          std::string_view part = body.substr(begin, at - begin);
          if (part.ends_with('\n')) part.remove_suffix(1);
          if (part.ends_with('\r')) part.remove_suffix(1);
          parts.push_back(part);
        }
        begin = rest == "--" ? body.npos : std::min(end + 1, body.size());
        if (rest == "--") return parts;
      }
    }
    at = end + 1;
  }
  if (begin != body.npos) parts.push_back(body.substr(begin));  // cut off: what is there counts
  return parts;
}

class MailReader {
 public:
  MailReader(const DocumentLimits& limits, DocumentBuilder& document)
      : limits_(limits), document_(document) {}

  Result<void> read(std::string_view mail, int depth) {
    if (depth > std::max(limits_.depth / 10, 1))
      return Error{"mails inside of mails deeper than " + std::to_string(limits_.depth / 10)};
    std::string_view body = mail;
    const std::vector<MailHeader> headers = take_headers(body);
    if (headers.empty()) return Error{"no mail: it has no headers"};
    const std::string subject = decode_header_text(header_value(headers, "subject"));
    document_.set_title(subject);
    document_.set_language(header_value(headers, "content-language"));
    document_.heading(depth == 0 ? 1 : 2, subject);
    std::string about;
    for (const char* name : {"From", "To", "Cc", "Date"}) {
      std::string key(name);
      for (char& c : key) c = char(c | 0x20);
      const std::string value = decode_header_text(header_value(headers, key));
      if (!value.empty()) about += std::string(name) + ": " + value + "\n";
    }
    document_.paragraph(about);
    std::vector<Leaf> leaves;
    TRY(collect(headers, body, depth, leaves));
    TRY(write(leaves));
    for (const std::string_view nested : std::exchange(nested_, {})) TRY(read(nested, depth + 1));
    return {};
  }

 private:
  Result<void> collect(const std::vector<MailHeader>& headers, std::string_view body, int depth,
                       std::vector<Leaf>& leaves);
  Result<void> write(const std::vector<Leaf>& leaves);
  Result<void> write_text(const Leaf& leaf);
  void write_attachment(const Leaf& leaf);

  const DocumentLimits& limits_;
  DocumentBuilder& document_;
  std::vector<std::string_view> nested_;
  int parts_ = 0;
};

Result<void> MailReader::collect(const std::vector<MailHeader>& headers, std::string_view body,
                                 int depth, std::vector<Leaf>& leaves) {
  if (++parts_ > limits_.parts)
    return Error{"more than " + std::to_string(limits_.parts) + " parts"};
  if (depth > std::max(limits_.depth / 10, 1)) return Error{"parts nested too deeply"};
  const ParameterValue type = parse_parameters(header_value(headers, "content-type"));
  const ParameterValue placed = parse_parameters(header_value(headers, "content-disposition"));
  const auto parameter = [](const ParameterValue& from, const char* name) {
    const auto found = from.parameters.find(name);
    return found == from.parameters.end() ? std::string() : found->second;
  };
  if (type.value.starts_with("multipart/") && !parameter(type, "boundary").empty()) {
    std::vector<Leaf> inner;
    for (std::string_view part : split_parts(body, parameter(type, "boundary"))) {
      const std::vector<MailHeader> part_headers = take_headers(part);
      TRY(collect(part_headers, part, depth + 1, inner));
    }
    if (type.value == "multipart/alternative") {
      // The same text several times; the plain one unless it is blank or only HTML is there.
      const auto is_plain = [](const Leaf& leaf) {
        return leaf.type == "text/plain" && !trim(leaf.bytes).empty();
      };
      if (std::ranges::any_of(inner, is_plain))
        std::erase_if(inner, [&](const Leaf& leaf) {
          return leaf.type.starts_with("text/") && !leaf.is_attachment && !is_plain(leaf);
        });
    }
    std::ranges::move(inner, std::back_inserter(leaves));
    return {};
  }
  if (type.value == "message/rfc822") {
    nested_.push_back(body);
    return {};
  }
  Leaf leaf;
  leaf.type = type.value.empty() ? "text/plain" : type.value;
  leaf.charset = parameter(type, "charset");
  leaf.name = parameter(placed, "filename");
  if (leaf.name.empty()) leaf.name = parameter(type, "name");
  leaf.is_attachment = placed.value == "attachment" || !leaf.name.empty();
  const ParameterValue encoding =
      parse_parameters(header_value(headers, "content-transfer-encoding"));
  leaf.bytes = encoding.value == "base64"             ? decode_base64(body)
               : encoding.value == "quoted-printable" ? decode_quoted_printable(body)
                                                      : std::string(body);
  leaves.push_back(std::move(leaf));
  return {};
}

Result<void> MailReader::write(const std::vector<Leaf>& leaves) {
  for (const Leaf& leaf : leaves)
    if (!leaf.is_attachment && leaf.type.starts_with("text/")) TRY(write_text(leaf));
  for (const Leaf& leaf : leaves)
    if (leaf.is_attachment || !leaf.type.starts_with("text/")) write_attachment(leaf);
  return {};
}

Result<void> MailReader::write_text(const Leaf& leaf) {
  if (trim(leaf.bytes).empty()) return {};
  if (leaf.type == "text/html") return add_html_bytes(leaf.bytes, leaf.charset, document_);
  const Result<DecodedText> decoded = decode_text(leaf.bytes, leaf.charset);
  if (!decoded) {
    document_.note("a text part: " + decoded.error().message);
    return {};
  }
  add_plain_text(decoded->text, document_);
  return {};
}

void MailReader::write_attachment(const Leaf& leaf) {
  const std::string name = leaf.name.empty() ? leaf.type : leaf.name;
  document_.heading(2, "Attachment: " + name);
  if (!is_document_path(name)) {
    document_.paragraph("(" + leaf.type + ", " + format_bytes(double(leaf.bytes.size())) + ")");
    return;
  }
  DocumentLimits limits = limits_;
  limits.depth /= 2;  // a mail in a mail in a mail
  const Result<Document> read = read_document_bytes(name, leaf.bytes, limits);
  if (!read) {
    document_.note("attachment " + name + ": " + read.error().message);
    return;
  }
  document_.append(*read);
}

}  // namespace

Result<void> add_mail(std::string_view bytes, const DocumentLimits& limits,
                      DocumentBuilder& document) {
  if (limits.depth < 10) return Error{"attached mails nested too deeply"};
  return MailReader(limits, document).read(bytes, 0);
}

// A line "From " after an empty line begins a mail; ">From " inside of one is "From " (mboxrd).
Result<void> read_mbox(const std::string& path, const DocumentLimits& limits,
                       const DocumentSink& sink) {
  FileStream stream = TRY(FileStream::open(path, limits.file_bytes));
  std::string pending, mail;
  int number = 0;
  bool after_empty = true;
  const auto end_mail = [&]() -> Result<void> {
    if (trim(mail).empty()) return {};
    if (++number > limits.parts)
      return Error{"more than " + std::to_string(limits.parts) + " mails; split the mailbox"};
    DocumentBuilder document(path + "#" + std::to_string(number));
    // One broken mail does not cost the others.
    if (const Result<void> read = add_mail(mail, limits, document); !read)
      document.note("mail " + std::to_string(number) + ": " + read.error().message);
    mail.clear();
    return sink(document.finish());
  };
  const auto take = [&](std::string_view line) -> Result<void> {
    if (after_empty && line.starts_with("From ")) TRY(end_mail());
    if (number == 0 && mail.empty() && !line.starts_with("From ") && !trim(line).empty())
      return Error{"no mailbox: it does not begin with a line 'From '; one mail is an .eml file"};
    after_empty = trim(line).empty();
    const size_t marks = line.find_first_not_of('>');
    if (marks != line.npos && marks > 0 && line.substr(marks).starts_with("From "))
      line.remove_prefix(1);
    mail.append(line).append("\n");
    if (mail.size() > kMailBytesMax)
      return Error{"mail " + std::to_string(number + 1) + ": more than " +
                   format_bytes(double(kMailBytesMax))};
    return {};
  };
  bool more = true;
  while (more) {
    more = TRY(stream.read(pending));
    size_t begin = 0;
    for (size_t end; (end = pending.find('\n', begin)) != pending.npos; begin = end + 1)
      TRY(take(std::string_view(pending).substr(begin, end - begin)));
    pending.erase(0, begin);
    if (pending.size() > kMailBytesMax) return Error{"a line of more than 128 MiB"};
  }
  if (!pending.empty()) TRY(take(pending));
  return end_mail();
}

}  // namespace weir

// Files as people's programs write them (tools/make_document_golden.py), and small ones written
// here.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "documents/document_batch.h"
#include "documents/readers.h"

namespace weir {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

const std::string kData = std::string(WEIR_SOURCE_DIR) + "/src/testing/data/documents/";

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("weir-documents-" + std::to_string(getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  std::string write(const std::string& name, const std::string& bytes) const {
    const fs::path path = path_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

// "H1 Title", "P text", "L0 item", "T a | b", "C code"; with "@2" for page 2.
std::string shown(const Document& document) {
  std::string out;
  for (const DocumentBlock& block : document.blocks) {
    out += "HPLTC"[int(block.kind)];
    if (block.kind == DocumentBlock::Kind::heading || block.kind == DocumentBlock::Kind::list_item)
      out += std::to_string(block.level);
    if (block.page > 0) out += "@" + std::to_string(block.page);
    out += " " + block.text + "\n";
  }
  return out;
}

std::vector<Document> read_all(const std::string& path, DocumentLimits limits = {}) {
  std::vector<Document> documents;
  const Result<void> read = read_documents(path, limits, [&](Document document) {
    documents.push_back(std::move(document));
    return Result<void>();
  });
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  return documents;
}

Document read_one(const std::string& path) {
  std::vector<Document> documents = read_all(path);
  EXPECT_EQ(documents.size(), 1u) << path;
  return documents.empty() ? Document() : std::move(documents[0]);
}

std::string error_of(const std::string& path, DocumentLimits limits = {}) {
  const Result<void> read =
      read_documents(path, limits, [](const Document&) { return Result<void>(); });
  EXPECT_FALSE(read) << path;
  return read ? "" : read.error().message;
}

TEST(Documents, ReadsWord) {
  const Document document = read_one(kData + "rules.docx");
  EXPECT_EQ(document.title, "Travel rules");
  EXPECT_EQ(document.language, "en-GB");
  EXPECT_EQ(
      shown(document),
      "H1 Travel rules\nH1 Trains\nP Second class always, 车票 are kept.\nL0 Book early\n"
      "L1 Refundable fares\nT City | Limit\nKöln | 120 €\nH2 Hotels\nP Up to three nights.\n");
}

TEST(Documents, ReadsSlidesAsPages) {
  EXPECT_EQ(shown(read_one(kData + "results.pptx")),
            "H1@1 Results\nL0@1 Revenue grew\nL1@1 by 12 %\nP@1 Thank the team.\n"
            "H1@2 Figures\nT@2 Year | Sum\n2025 | 31\n");
}

TEST(Documents, ReadsSheetsAsTheirFormatsShowThem) {
  EXPECT_EQ(shown(read_one(kData + "orders.xlsx")),
            "H1@1 Orders\nT@1 Order | Date | Amount | Share | Open\n"
            "A-1 | 2025-03-01 | 1,234.50 | 12.5% | TRUE\n"
            "A-2 | 2024-02-29 13:45 | 0.3 | 1 | FALSE\nP@1 Remarks\nT@1 None |  | yet\n"
            "H1@2 空\nT@2 甲 | 乙\n");
}

TEST(Documents, ReadsOpenDocument) {
  EXPECT_EQ(shown(read_one(kData + "minutes.odt")),
            "H1 Minutes\nP Present: Ada\nand Grace\nL0 Budget\nL1 approved\nT Task | By\nReport | "
            "May\n");
  EXPECT_EQ(shown(read_one(kData + "stock.ods")),
            "H1@1 Stock\nT@1 Part | Count\nBolt | 40\nNut | 40\n");
}

TEST(Documents, ReadsChaptersInTheOrderOfTheSpine) {
  const Document document = read_one(kData + "tales.epub");
  EXPECT_EQ(document.title, "Two tales");
  EXPECT_EQ(document.language, "de");
  EXPECT_EQ(shown(document), "H1 Anfang\nP Es war\neinmal.\nH1 Ende\nP Schluss.\n");
}

TEST(Documents, ReadsPdfWithoutItsHeadersAndFooters) {
  const Document document = read_one(kData + "manual.pdf");
  EXPECT_EQ(document.title, "Safety manual");
  const std::string words =
      "Every machine is switched off before its cover is opened, and a second person confirms "
      "that.";
  EXPECT_EQ(shown(document), "H1@1 Safety manual\nH1@1 1 Purpose\nP@1 " + words + " " + words +
                                 " " + words +
                                 "\nP@1 A long word is cut by an extra-\nH1@2 2 Limits\n"
                                 "T@2 Machine | Pressure | Interval\nPress | 12 bar | 30 days\n"
                                 "Lathe | none | 90 days\nC@2 if pressure > 12:\n    stop()\n"
                                 "H1@3 3 Contact\nP@3 Call 1234.\n");
}

TEST(Documents, SaysWhatAPdfLacks) {
  const Document scan = read_one(kData + "scan.pdf");
  EXPECT_TRUE(scan.blocks.empty());
  ASSERT_EQ(scan.notes.size(), 1u);
  EXPECT_NE(scan.notes[0].find("scanned"), std::string::npos);
  EXPECT_NE(error_of(kData + "locked.pdf").find("password"), std::string::npos);
  Folder folder;
  EXPECT_NE(error_of(folder.write("a.pdf", "%PDF-1.4\ngarbage")).find("damaged"),
            std::string::npos);
}

TEST(Documents, ReadsMarkdownWithFrontMatter) {
  Folder folder;
  const Document document = read_one(folder.write(
      "a.md",
      "---\ntitle: \"Über\"\nlang: de\n---\n# One\n\nA **bold** [link](x) &amp; `code`\n"
      "goes on.\n\n- a\n  - b\n- c\n\n1. x\n2. y\n\n```sh\nls  -l\n```\n\n"
      "| k | v |\n|---|---|\n| 1 | 2 |\n\n> quoted\n"));
  EXPECT_EQ(document.title, "Über");
  EXPECT_EQ(document.language, "de");
  EXPECT_EQ(shown(document),
            "H1 One\nP A bold link & code goes on.\nL0 a\nL1 b\nL0 c\nL0 1. x\nL0 2. y\n"
            "C ls  -l\nT k | v\n1 | 2\nP quoted\n");
}

TEST(Documents, ReadsPlainTextByParagraphs) {
  Folder folder;
  EXPECT_EQ(shown(read_one(folder.write(
                "a.txt", "One\r\nline.\r\n\r\n\r\nitem   1   2\r\nthing   3   4\r\n"))),
            "P One\nline.\nC item   1   2\nthing   3   4\n");
  EXPECT_EQ(shown(read_one(folder.write("gb.txt", "\xD6\xD0\xCE\xC4\xB7\xA2\xC6\xB1"))),
            "P 中文发票\n");
  EXPECT_TRUE(read_one(folder.write("empty.txt", "")).blocks.empty());
}

TEST(Documents, CutsTablesIntoRowsWithTheirHead) {
  Folder folder;
  std::string csv = "\xEF\xBB\xBFname;note\r\n";
  for (int i = 1; i <= 5; ++i) csv += "n" + std::to_string(i) + ";\"a;b\n\"\"q\"\"\"\r\n";
  const std::string path = folder.write("a.csv", csv);
  DocumentLimits limits;
  limits.rows_per_document = 2;
  const std::vector<Document> parts = read_all(path, limits);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].name, path + "#rows 1-2");
  EXPECT_EQ(parts[2].name, path + "#rows 5-5");
  EXPECT_EQ(shown(parts[0]), "T name | note\nn1 | a;b \"q\"\nn2 | a;b \"q\"\n");
  EXPECT_EQ(shown(parts[2]), "T name | note\nn5 | a;b \"q\"\n");
  EXPECT_EQ(read_one(path).name, path);
  EXPECT_NE(error_of(folder.write("b.csv", "a,b\n1,\"x\n")).find("line 2"), std::string::npos);
  EXPECT_EQ(shown(read_one(folder.write("utf16.tsv",
                                        "\xFF\xFE"
                                        "a\0\t\0b\0\n\0c\0\t\0-N\n\0"s))),
            "T a | b\nc | 中\n");
}

TEST(Documents, ReadsJsonByItsKeys) {
  Folder folder;
  const std::string path =
      folder.write("a.jsonl",
                   "{\"title\":\"T\",\"n\":2.50,\"tags\":[\"x\",\"y\"],\"at\":{\"k\":true}}\n\n"
                   "{\"rows\":[{\"a\":1,\"b\":2},{\"a\":3}]}\n");
  const std::vector<Document> parts = read_all(path);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].name, path + "#1");
  EXPECT_EQ(parts[1].name, path + "#3");
  EXPECT_EQ(shown(parts[0]), "H1 T\nL0 n: 2.50\nL0 tags: x, y\nL0 at:\nL1 k: true\n");
  EXPECT_EQ(shown(parts[1]), "L0 rows:\nT a | b\n1 | 2\n3 |\n");
  EXPECT_EQ(read_all(folder.write("b.json", "[{\"x\":1},{\"x\":2}]")).size(), 2u);
  EXPECT_NE(error_of(folder.write("c.jsonl", "{}\n{")).find("line 2"), std::string::npos);
}

constexpr const char* kMail =
    "From: =?utf-8?B?5byg?= =?utf-8?Q?=E4=B8=89?= <z@example.com>\r\n"
    "Subject: =?gb2312?B?t6LGsQ==?= 7\r\nDate: Mon, 3 Mar 2025 10:00:00 +0800\r\n"
    "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n--b\r\n"
    "Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n"
    "Content-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe, 5=\r\n0 =80\r\n--c\r\n"
    "Content-Type: text/html\r\n\r\n<p>Gr&uuml;&szlig;e</p>\r\n--c--\r\n--b\r\n"
    "Content-Type: text/csv; name=x\r\nContent-Disposition: attachment;\r\n"
    " filename*0*=utf-8''%E8%A1%A8; filename*1=\".csv\"\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\nYSxiCjEsMgo=\r\n--b--\r\n";

TEST(Documents, ReadsMailWithItsAttachments) {
  Folder folder;
  const Document mail = read_one(folder.write("a.eml", kMail));
  EXPECT_EQ(mail.title, "发票 7");
  EXPECT_EQ(shown(mail),
            "H1 发票 7\nP From: 张三 <z@example.com>\nDate: Mon, 3 Mar 2025 10:00:00 +0800\n"
            "P Grüße, 50 €\nH2 Attachment: 表.csv\nP a,b\n1,2\n");
  const std::vector<Document> box = read_all(folder.write(
      "a.mbox", "From a Mon\nSubject: one\n\nx\n>From y\n\nFrom b Tue\nSubject: two\n\nz\n"));
  ASSERT_EQ(box.size(), 2u);
  EXPECT_EQ(shown(box[0]), "H1 one\nP x\nFrom y\n");
  EXPECT_EQ(shown(box[1]), "H1 two\nP z\n");
}

TEST(Documents, DropsWhatStandsAroundAPage) {
  Folder folder;
  const Document page = read_one(folder.write(
      "a.html",
      "<html lang=zh-CN><title>T</title><body><header><h1>Site</h1></header><nav>menu</nav><main>"
      "<header><h1>Story</h1></header><p>a<br>b</p><div class=note><h3>Note</h3><p>n</p></div>"
      "<table><tr><th>x<th rowspan=2>y<tr><td>1</table><ul><li>i<p>more</p></ul>"
      "<dl><dt>t<dd>d</dl></main><aside>ad</aside><footer>imprint</footer>"));
  EXPECT_EQ(page.language, "zh-CN");
  EXPECT_EQ(shown(page), "H1 Story\nP a\nb\nP Note\nP n\nT x | y\n1 | y\nL0 i\nP more\nL0 t: d\n");
  EXPECT_EQ(shown(read_one(folder.write("b.xhtml",
                                        "<?xml version='1.0' encoding='gb2312'?><html><body>"
                                        "<a id='x'/><p>\xD6\xD0</p></body></html>"))),
            "P 中\n");
}

TEST(Documents, RefusesBombsAndSaysWhy) {
  Folder folder;
  DocumentLimits small;
  small.parts = 3;
  EXPECT_NE(error_of(kData + "rules.docx", small).find("3 members"), std::string::npos);
  small = {};
  small.memory_bytes = 40000;
  EXPECT_NE(error_of(kData + "rules.docx", small).find("unpacks to more than"), std::string::npos);
  small.memory_bytes = 1000;
  EXPECT_NE(error_of(kData + "rules.docx", small).find("limit"), std::string::npos);
  small = {};
  small.depth = 4;
  EXPECT_NE(error_of(kData + "minutes.odt", small).find("nested deeper than 4"), std::string::npos);
  EXPECT_NE(error_of(folder.write("a.docx", "\xD0\xCF\x11\xE0 old")).find("password"),
            std::string::npos);
  EXPECT_NE(error_of(folder.write("a.xlsx", "text")).find("no ZIP"), std::string::npos);
  EXPECT_NE(error_of(folder.write("a.xyz", "text")).find(".docx"), std::string::npos);
  EXPECT_NE(error_of(folder.path() + "/none.txt").find("none.txt"), std::string::npos);
}

TEST(Documents, ReturnsTheErrorOfTheSinkAsItIs) {
  const Result<void> read = read_documents(
      kData + "minutes.odt", {}, [](const Document&) { return Result<void>(Error{"full"}); });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message, "full");
}

TEST(Documents, ListsFoldersInOrderWithoutLinksToFolders) {
  Folder folder;
  folder.write("b/x.txt", "");
  folder.write("a.PDF", "");
  folder.write(".hidden/y.txt", "");
  folder.write("c.exe", "");
  fs::create_directory_symlink(folder.path(), folder.path() + "/loop");
  EXPECT_EQ(*list_documents(folder.path()),
            (std::vector<std::string>{folder.path() + "/a.PDF", folder.path() + "/b/x.txt"}));
}

TEST(Documents, HandsFilesOverInOrderAtAnyNumberOfThreads) {
  const std::vector<std::string> paths = *list_documents(kData);
  std::vector<std::string> seen[2];
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::vector<std::string>& names = seen[threads == 3];
    DocumentBatchEvents events;
    events.on_document = [&](const Document& document) {
      names.push_back(document.name);
      return Result<void>();
    };
    events.on_error = [&](const std::string& path, const Error&) {
      names.push_back("! " + path);
      return true;
    };
    ASSERT_TRUE(read_document_files(paths, {}, pool, events));
  }
  EXPECT_EQ(seen[0].size(), paths.size());
  EXPECT_EQ(seen[0], seen[1]);
}

}  // namespace
}  // namespace weir

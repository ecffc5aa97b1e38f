// The page, driven in a real browser on a server of a tiny model. Skipped, loudly, where Debian's
// chromium and chromium-driver are missing: scripts/install-packages browser.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "base/file.h"
#include "serve/server.h"
#include "testing/generation_fixture.h"
#include "testing/webdriver.h"

namespace weir {
namespace {

// Of a tiny random model that says letters alone, nothing that Markdown would draw, up to its
// limit.
OpenModel open_small() {
  OpenModel open;
  ModelConfig config = tiny(Kind::grouped);
  config.tie_word_embeddings = false;
  config.max_position_embeddings = 8192;
  open.model = Model::create(config, false);
  open.model->initialize(5);
  open.pool = std::make_unique<ThreadPool>(1);
  open.tokenizer = std::make_unique<Tokenizer>(
      make_byte_tokenizer({{"<bos>", true}, {"<eos>", true}}, "<bos>", "<eos>"));
  std::set<int> letters;
  for (char c = 'a'; c <= 'z'; ++c)
    letters.insert(open.tokenizer->encode(std::string(1, c))->back());
  for (Parameter* w : open.model->parameters())
    for (int row = 0; w->name == "lm_head.weight" && row < w->rows; ++row)
      if (!letters.count(row)) std::fill_n(w->f32() + row * w->cols, w->cols, 0.f);
  open.model->pack(*open.pool);
  open.chat_template =
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";
  auto generator = Generator::create(*open.model, *open.tokenizer, *open.pool,
                                     {.sequences_max = 4, .keeps_prefixes = true});
  open.generator = *std::move(generator);
  return open;
}

void append(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::app | std::ios::binary) << text;
}

// One server and one browser for all tests; each begins with an empty page.
class Page : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!Browser::installed()) return;
    browser_ = Browser::start("en").release();
    ASSERT_TRUE(browser_);
    std::string pattern = ::testing::TempDir() + "weir_page_XXXXXX";
    folder_ = new std::string(mkdtemp(pattern.data()));
    ASSERT_TRUE(make_directories(*folder_ + "/runs/first"));
    append(*folder_ + "/runs/first/metrics.jsonl",
           "{\"step\":1,\"loss\":5.5}\n{\"step\":2,\"loss\":4.25}\n");
    append(*folder_ + "/runs/first/report.html",
           "<!doctype html><title>r</title><p id=p>before</p><script>p.textContent = "
           "'drawn'</script>");
    auto model = ServedModel::create(open_small(), "models/tiny.gguf", {.aliases = {"other"}});
    auto runs = RunFolders::create({*folder_ + "/runs"});
    ASSERT_TRUE(model.has_value() && runs.has_value());
    auto server = Server::start(*std::move(model), {.runs = *std::move(runs)});
    ASSERT_TRUE(server.has_value());
    server_ = server->release();
  }
  static void TearDownTestSuite() {
    delete browser_;
    delete server_;
    if (folder_) (void)remove_all(*folder_);
    delete folder_;
    browser_ = nullptr, server_ = nullptr, folder_ = nullptr;
  }

  void SetUp() override {
    if (!Browser::installed())
      GTEST_SKIP() << "THE PAGE IS NOT TESTED: there is no chromium with chromedriver here; "
                      "scripts/install-packages browser installs both";
    ASSERT_TRUE(browser_ && browser_->works() && server_);
    open("/health");  // of the same origin, and has no database open
    browser_->run(
        "localStorage.clear(); sessionStorage.clear();"
        "localStorage.setItem('weir-settings', '{\"max_tokens\": \"12\", \"temperature\": \"0\"}');"
        "return new Promise(done => {"
        "  const asked = indexedDB.deleteDatabase('weir');"
        "  asked.onsuccess = asked.onerror = asked.onblocked = () => done(1); })");
    (void)browser_->messages();
    start();
  }
  // Nothing was complained about, and nothing came from elsewhere.
  void TearDown() override {
    if (!browser_ || !browser_->works() || !server_) return;
    if (!expects_complaints_)
      for (const std::string& message : browser_->messages()) ADD_FAILURE() << message;
    EXPECT_EQ(browser_->text("performance.getEntriesByType('resource').map(e => e.name)"
                             ".filter(name => !name.startsWith(location.origin)).join()"),
              "");
    browser_->cdp("Emulation.clearDeviceMetricsOverride", "{}");
    if (expects_complaints_) browser_->cdp("Network.setBlockedURLs", R"({"urls": []})");
  }

  static std::string address() { return "http://localhost:" + std::to_string(server_->port()); }
  void open(const std::string& path) { browser_->open(address() + path); }
  // The page, loaded and drawn: another query makes it another address.
  void start(const std::string& place = "") {
    static int number = 0;
    open("/?" + std::to_string(++number) + place);
    ASSERT_TRUE(browser_->waits_for("document.getElementById('main')"));
  }
  void ask(const std::string& text) {
    browser_->type("#question", text + Browser::kEnter);
    EXPECT_TRUE(browser_->waits_for("document.querySelector('.reply')"));
  }
  void await_reply() {
    EXPECT_TRUE(
        browser_->waits_for("!document.querySelector('.running') && "
                            "[...document.querySelectorAll('.reply')].at(-1)"
                            "?.querySelector('.numbers span')"));
  }
  int64_t count(const std::string& selector) {
    return browser_->number("document.querySelectorAll(`" + selector + "`).length");
  }
  std::string text_of(const std::string& selector) {
    return browser_->text("document.querySelector(`" + selector + "`)?.textContent ?? 'nothing'");
  }
  // Names of all controls, unique ids, and the contrast of every text that is shown.
  std::string findings() {
    static const auto script = read_file(WEIR_SOURCE_DIR "/src/testing/page_audit.js");
    if (!script) return script.error().message;
    return browser_->run("const found = " + *script + "; return found").text();
  }
  void audit(const char* what) { EXPECT_EQ(findings(), "") << what; }
  // Reads a file of conversations through the settings, as a person would.
  void import(const std::string& json) {
    const std::string path = *folder_ + "/import.json";
    std::ofstream(path, std::ios::binary) << json;
    browser_->click("#settings");
    browser_->type("#import", path);
    EXPECT_TRUE(browser_->waits_for("document.getElementById('import-note').textContent"));
  }

  static inline Browser* browser_ = nullptr;
  static inline Server* server_ = nullptr;
  static inline std::string* folder_ = nullptr;
  bool expects_complaints_ = false;
};

TEST_F(Page, AReplyStreamsAndIsStillThereAfterAReload) {
  audit("empty");
  ask("hello there");
  await_reply();
  const std::string answer = text_of(".reply .answer");
  EXPECT_GT(answer.size(), 3u);
  EXPECT_NE(text_of(".reply .numbers").find("12 tokens"), std::string::npos);
  EXPECT_NE(text_of(".reply .numbers").find("cut off"), std::string::npos);
  EXPECT_NE(text_of(".reply .numbers").find("context"), std::string::npos);
  EXPECT_EQ(browser_->text("document.title"), "hello there – weir");
  EXPECT_EQ(browser_->text("document.activeElement.id"), "question");
  EXPECT_FALSE(text_of("#announcement").empty());  // for readers of the screen, once it has ended
  audit("a reply");
  browser_->reload();
  ASSERT_TRUE(browser_->waits_for("document.querySelector('.reply .numbers span')"));
  EXPECT_EQ(text_of(".reply .answer"), answer);
  EXPECT_EQ(text_of(".bubble"), "hello there");
  EXPECT_EQ(browser_->text("document.title"), "hello there – weir");
}

TEST_F(Page, TheAuditFindsWhatIsWrong) {
  browser_->run(
      "document.getElementById('main').insertAdjacentElement('afterbegin',"
      "  Object.assign(document.createElement('button'), {id: 'question'}));"
      "const faint = document.createElement('p'); faint.textContent = 'faint';"
      "faint.style.color = '#999'; document.getElementById('main').prepend(faint)");
  const std::string found = findings();
  EXPECT_NE(found.find("no name: <button"), std::string::npos) << found;
  EXPECT_NE(found.find("id twice: question"), std::string::npos) << found;
  EXPECT_NE(found.find("contrast 2.8"), std::string::npos) << found;  // 2.85 of #999 on white
}

TEST_F(Page, EscapeStopsAReply) {
  browser_->run("localStorage.setItem('weir-settings', '{\"temperature\": \"0\"}')");
  start();
  ask("go on for long");
  ASSERT_TRUE(browser_->waits_for("document.querySelector('.running .answer').textContent"));
  EXPECT_FALSE(browser_->holds("document.getElementById('stop').hidden"));
  browser_->type("#question", Browser::kEscape);
  await_reply();
  EXPECT_NE(text_of(".reply .numbers").find("stopped"), std::string::npos);
  EXPECT_TRUE(browser_->holds("document.getElementById('stop').hidden"));
}

TEST_F(Page, EditingAndRegeneratingMakeBranches) {
  ask("one");
  await_reply();
  browser_->click(".reply [data-action=again]");
  EXPECT_TRUE(
      browser_->waits_for("document.querySelector('.reply .place')?.textContent === '2/2'"));
  await_reply();
  browser_->click(".reply [data-step='-1']");
  EXPECT_EQ(text_of(".reply .place"), "1/2");
  EXPECT_TRUE(browser_->holds("document.activeElement.matches('.reply [data-step]')"));
  browser_->run("document.querySelector('.question [data-action=edit]').click()");
  browser_->type(".edit textarea", " and two" + std::string(Browser::kEnter));
  EXPECT_TRUE(
      browser_->waits_for("document.querySelector('.question .place')?.textContent === '2/2'"));
  await_reply();
  EXPECT_EQ(text_of(".bubble"), "one and two");
  EXPECT_EQ(count(".reply"), 1);
  browser_->click(".question [data-step='-1']");
  EXPECT_EQ(text_of(".bubble"), "one");
  EXPECT_EQ(text_of(".reply .place"), "1/2");  // as it was left
  audit("branches");
  browser_->reload();
  ASSERT_TRUE(browser_->waits_for("document.querySelector('.reply .place')"));
  EXPECT_EQ(text_of(".question .place"), "1/2");
}

TEST_F(Page, AnInputMethodsEnterSendsNothing) {
  browser_->type("#question", "ni");
  browser_->run(
      "const area = document.getElementById('question');"
      "for (const more of [{isComposing: true}, {keyCode: 229}]) area.dispatchEvent("
      "new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true, ...more}))");
  EXPECT_EQ(count(".message"), 0);
  browser_->type("#question",
                 Browser::kShift + std::string(Browser::kEnter) + Browser::kShift + "hao");
  EXPECT_EQ(browser_->text("document.getElementById('question').value"), "ni\nhao");
  EXPECT_EQ(count(".message"), 0);
  browser_->type("#question", Browser::kEnter);
  await_reply();
  EXPECT_EQ(text_of(".bubble"), "ni\nhao");
}

// A conversation as the page exports it.
std::string exported(const std::string& title, const std::string& reply) {
  Json node = Json::object();
  node.set("parent", "q");
  node.set("role", "assistant");
  node.set("content", reply);
  node.set("thinking", "first $x$");
  return R"({"format": "weir-conversations", "version": 1, "conversations": [{"title": ")" + title +
         R"(", "settings": {"max_tokens": "12"}, "columns": [{"model": "tiny", "chosen": {"": "q"}, "nodes": {
            "q": {"parent": "", "role": "user", "content": "asked"}, "r": )" +
         node.dump() + "}}]}]}";
}

TEST_F(Page, MarkdownCodeAndFormulasAreDrawnAndNothingRuns) {
  import(exported("Drawn",
                  "# Head\n\nSo $a^2$ and \\[\\frac{1}{2}\\] cost $5 or $6.\n\n"
                  "```python\ndef f(x):\n    return x\n```\n\n|a|b|\n|-|:-:|\n|1|2|\n\n"
                  "<img src=x onerror=\"window.ran=1\"><script>window.ran=1</script>"
                  "<b onclick=\"window.ran=1\" style=\"color:red\">b</b> "
                  "[bad](javascript:window.ran=1) [good](https://weir.example/a) "
                  "![far](https://weir.example/far.png) $\\href{javascript:ran=1}{x}$"));
  browser_->run(
      "document.querySelector('dialog').close();"
      "document.querySelector('.conversations a').click()");
  ASSERT_TRUE(browser_->waits_for("document.querySelectorAll('.answer .katex').length >= 2"));
  ASSERT_TRUE(browser_->waits_for("document.querySelector('.answer .hljs-keyword')"));
  EXPECT_EQ(text_of(".answer h3"), "Head");
  EXPECT_EQ(count(".answer table td"), 2);
  EXPECT_EQ(count(".answer .katex-display .mfrac"), 1);
  EXPECT_NE(text_of(".answer").find("cost $5 or $6."), std::string::npos);
  EXPECT_NE(text_of(".answer").find("<script>"), std::string::npos);  // as text
  EXPECT_EQ(
      count(".answer img, .answer script, .answer iframe, .answer [onclick], .answer [style*=red]"),
      0);
  EXPECT_EQ(count(".answer a[href]"), 1);
  EXPECT_EQ(browser_->text("document.querySelector('.answer a[href]').rel"), "noopener noreferrer");
  EXPECT_FALSE(browser_->holds("window.ran"));
  EXPECT_EQ(browser_->text("getComputedStyle(document.querySelector('.mathnormal')).fontFamily"),
            "KaTeX_Math");
  EXPECT_TRUE(browser_->waits_for("document.fonts.check('16px KaTeX_Main')"));
  browser_->click(".thinking summary");
  EXPECT_TRUE(browser_->waits_for("document.querySelector('.thoughts .katex')"));
  browser_->run(
      "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async text => "
      "{ window.copied = text; }}})");
  browser_->run("document.querySelector('.code button').click()");
  EXPECT_TRUE(browser_->waits_for("window.copied === 'def f(x):\\n    return x'"));
  audit("Markdown");
}

TEST_F(Page, WithoutLibrariesTextIsPlainAndSafe) {
  expects_complaints_ = true;  // of what is blocked
  browser_->cdp("Network.enable", "{}");
  browser_->cdp("Network.setBlockedURLs", R"({"urls": ["*/page/marked.js", "*/page/katex.js"]})");
  browser_->cdp("Network.clearBrowserCache", "{}");
  import(exported("Plain", "So **bold** $x$ <b>tag</b>\n\n```\ncode\n```"));
  start();
  browser_->run("document.querySelector('.conversations a').click()");
  EXPECT_TRUE(
      browser_->waits_for("document.querySelector('.answer > pre')?.textContent === 'code'"));
  EXPECT_EQ(text_of(".answer > p"), "So **bold** $x$ <b>tag</b>");
  ask("more");
  await_reply();
}

TEST_F(Page, ConversationsAreFoundRenamedDeletedExportedAndImported) {
  ask("apples");
  await_reply();
  browser_->click("#new");
  EXPECT_TRUE(browser_->waits_for("!document.querySelector('.message')"));
  ask("pears");
  await_reply();
  EXPECT_EQ(count(".conversations li"), 2);
  browser_->type("#search", "apPLes");
  EXPECT_EQ(count(".conversations li"), 1);
  EXPECT_EQ(text_of(".conversations a"), "apples");
  browser_->click(".conversations .more");
  audit("a menu");
  browser_->run("document.getElementById('title').value = 'Fruit of apples'");
  browser_->click("#rename");
  EXPECT_TRUE(browser_->waits_for(
      "document.querySelector('.conversations a').textContent === 'Fruit of apples'"));

  // What is exported comes back the same but for its id; Markdown has the texts.
  EXPECT_EQ(
      browser_->text(
          "import('/page/store.js').then(async store => {"
          "  const {toJson, toMarkdown, fromJson} = await import('/page/transfer.js');"
          "  const all = store.conversations(), read = fromJson(toJson(all));"
          "  const same = one => JSON.stringify([one.title, one.columns[0].model,"
          "    Object.keys(one.columns[0].nodes), one.columns[0].chosen, one.settings.max_tokens]);"
          "  return read.map(same).join() === all.map(same).join() && read[0].id !== all[0].id &&"
          "    toMarkdown(all[0]).includes('pears') ? 'same' : 'different'; })"),
      "same");
  // With the labels that a guard's policy asks for (GB 45438-2025), and what it withheld.
  EXPECT_EQ(
      browser_->text(
          "import('/page/store.js').then(async store => {"
          "  const {setLabel, toJson, toMarkdown} = await import('/page/transfer.js');"
          "  const one = structuredClone(store.conversations()[0]), nodes = one.columns[0].nodes;"
          "  Object.assign(Object.values(nodes).find(node => node.role === 'assistant'),"
          "    {withheld: 'Privacy', withheldBy: 'redact'});"
          "  const aigc = {Label: '1', ContentProducer: 'shop', ProduceID: ''};"
          "  setLabel({visible: 'Made by a model', at_end: true, AIGC: aigc});"
          "  const text = toMarkdown(one), json = JSON.parse(toJson([one]));"
          "  setLabel({visible: 'Made by a model', at_end: false});"
          "  const first = toMarkdown(one);"
          "  setLabel(null);"
          "  return [text.startsWith('---\\nAIGC: {\"Label\":\"1\",\"ContentProducer\":\"shop\"'),"
          "    text.endsWith('\\nMade by a model\\n'), json.AIGC.ProduceID.length > 8,"
          "    json.AIGC.ContentProducer, first.startsWith('Made by a model\\n\\n# '),"
          "    text.includes('*Removed from this reply by the guard of this server: Privacy*'),"
          "    toMarkdown(one).startsWith('# '), 'AIGC' in JSON.parse(toJson([one]))].join(); })"),
      "true,true,true,shop,true,true,true,false");
  browser_->click(".conversations .more");
  browser_->click("#delete");
  browser_->click("#really-delete");
  EXPECT_TRUE(browser_->waits_for("!document.querySelector('.conversations li')"));
  browser_->reload();
  ASSERT_TRUE(browser_->waits_for("document.querySelector('.conversations li')"));
  EXPECT_EQ(count(".conversations li"), 1);

  import("not JSON");
  EXPECT_NE(text_of("#import-note").find("it is not JSON"), std::string::npos);
  EXPECT_EQ(
      browser_->text(
          "import('/page/transfer.js').then(({fromJson}) => {"
          "  const thread = nodes => JSON.stringify({format: 'weir-conversations', version: 1,"
          "    conversations: [{title: 't', columns: [{nodes}]}]});"
          "  const user = {role: 'user', content: 'c', parent: ''};"
          "  const wrong = ['[]', '{}', thread({a: {...user, parent: 'a'}}), thread({a: 1}),"
          "    thread({a: {...user, parent: 'b'}, b: {...user, parent: 'a'}}),"
          "    thread({a: {...user, parent: 'gone'}}), thread({a: {...user, role: 'root'}}),"
          "    thread({a: {...user, content: 5}}), thread({'<b>': user}),"
          "    '{\"format\":\"weir-conversations\",\"version\":2,\"conversations\":[]}'];"
          "  return wrong.filter(text => { try { fromJson(text); return true; } catch { return "
          "false; } })"
          "    .concat(fromJson(thread({a: {...user, x: 1}}))[0].columns[0].nodes.a.x ?? "
          "[]).join(); })"),
      "");
}

TEST_F(Page, ComparesModelsInColumns) {
  ask("same question");
  await_reply();
  browser_->click("#compare");
  EXPECT_EQ(count(".column"), 2);
  EXPECT_EQ(count(".bubble"), 2);  // the second column begins with the same questions
  EXPECT_EQ(browser_->text("document.querySelectorAll('select.model')[1].value"), "other");
  browser_->type("#question", "again" + std::string(Browser::kEnter));
  EXPECT_TRUE(browser_->waits_for(
      "document.querySelectorAll('.reply .numbers span').length > 0 && "
      "document.querySelectorAll('.reply').length === 4 && !document.querySelector('.running')"));
  EXPECT_EQ(browser_->text("[...document.querySelectorAll('.column')].map(c => "
                           "[...c.querySelectorAll('.reply')].at(-1).ariaLabel).join()"),
            "Reply of tiny,Reply of other");
  audit("columns");
  browser_->reload();
  EXPECT_TRUE(browser_->waits_for("document.querySelectorAll('.column').length === 2"));
}

TEST_F(Page, SpeaksChineseIsDarkAndFitsAPhone) {
  browser_->cdp("Emulation.setDeviceMetricsOverride",
                R"({"width": 375, "height": 720, "deviceScaleFactor": 1, "mobile": true})");
  start();
  ask("a question with averyveryveryveryveryveryveryveryveryveryveryverylongword");
  await_reply();
  for (const char* place : {"", "#/runs", "#/server"}) {
    if (*place) start(place);
    EXPECT_TRUE(browser_->waits_for("document.querySelector('.bar')"));
    EXPECT_EQ(browser_->number("document.documentElement.scrollWidth"), 375) << place;
    audit("a phone");
  }
  browser_->click(".menu-button");
  EXPECT_TRUE(
      browser_->waits_for("document.getElementById('side').getBoundingClientRect().left === 0"));
  audit("the drawer");
  browser_->click("#new");
  browser_->click("#settings");
  audit("settings");
  browser_->run(
      "const select = document.getElementById('language'); select.value = 'zh';"
      "select.dispatchEvent(new Event('change'))");
  EXPECT_TRUE(browser_->waits_for("document.documentElement.lang === 'zh'"));
  EXPECT_EQ(text_of("#new"), "新对话");
  EXPECT_EQ(browser_->text("document.getElementById('send').ariaLabel"), "发送");
  EXPECT_EQ(browser_->text("import('/page/chinese.js').then(({chinese}) => Object.keys(chinese)"
                           ".filter(key => !chinese[key]).join())"),
            "");
  browser_->click("#settings");
  browser_->run(
      "const select = document.getElementById('look'); select.value = 'dark';"
      "select.dispatchEvent(new Event('change'))");
  EXPECT_EQ(browser_->text("getComputedStyle(document.body).backgroundColor"), "rgb(18, 25, 28)");
  audit("dark settings");
  browser_->run("document.querySelector('dialog').close()");
  browser_->run("document.querySelector('.conversations a').click()");
  EXPECT_TRUE(browser_->waits_for("document.querySelector('.reply')"));
  audit("dark");
  browser_->reload();
  EXPECT_TRUE(browser_->waits_for("document.getElementById('new')?.textContent === '新对话'"));
  EXPECT_EQ(browser_->text("document.documentElement.dataset.look"), "dark");
}

TEST_F(Page, AsksForAKeyAndKeepsItInTheTab) {
  browser_->run(
      "const ask = window.fetch; window.fetch = async (path, options) =>"
      "  options?.headers?.Authorization === 'Bearer right' ? ask(path, options) :"
      "  new Response('{\"error\": {\"message\": \"no key\"}}', {status: 401})");
  ask("with a key");
  ASSERT_TRUE(browser_->waits_for("document.getElementById('key')"));
  audit("the key");
  browser_->type("#key", "wrong" + std::string(Browser::kEnter));
  ASSERT_TRUE(browser_->waits_for(
      "document.querySelector('dialog')?.textContent.includes('not accepted')"));
  browser_->type("#key", "right" + std::string(Browser::kEnter));
  await_reply();
  EXPECT_GT(text_of(".reply .answer").size(), 3u);
  EXPECT_EQ(browser_->text("sessionStorage.getItem('weir-key')"), "right");
  EXPECT_FALSE(browser_->holds("JSON.stringify(localStorage).includes('right')"));
}

TEST_F(Page, ShowsARunWhileItTrainsAndTheServer) {
  start("#/runs");
  ASSERT_TRUE(browser_->waits_for("document.querySelector('.run')"));
  EXPECT_EQ(text_of(".run-name"), "first");
  audit("runs");
  browser_->click(".run");
  ASSERT_TRUE(
      browser_->waits_for("document.querySelector('.chart-value')?.textContent === '4.25'"));
  audit("curves");
  append(*folder_ + "/runs/first/metrics.jsonl", "{\"step\":3,\"loss\":3.75}\n{\"step\":4,\"lo");
  EXPECT_TRUE(browser_->waits_for("document.querySelector('.chart-value').textContent === '3.75'"));
  browser_->run("document.querySelectorAll('.tabs button')[1].click()");
  EXPECT_TRUE(browser_->waits_for("document.querySelector('iframe.report')"));
  // In its sandbox the report runs its script and has no origin.
  EXPECT_TRUE(browser_->waits_for("document.querySelector('iframe').contentDocument === null"));
  start("#/server");
  ASSERT_TRUE(browser_->waits_for("document.querySelectorAll('.tile').length === 6"));
  EXPECT_EQ(text_of(".plain li"), "tiny");
  audit("server");
}

}  // namespace
}  // namespace weir

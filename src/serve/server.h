// `weir serve`: models behind HTTP. Connections parse and write on their own threads, one thread
// calls each engine, and bounded queues lie between them.
#pragma once
#include <memory>

#include "serve/guard_desk.h"
#include "serve/http_server.h"
#include "serve/key_ring.h"
#include "serve/knowledge_shelf.h"
#include "serve/model_pool.h"
#include "serve/run_folders.h"
#include "serve/served_model.h"

namespace weir {

struct ServerOptions {
  HttpServerOptions http = {};
  // Of start() with one model: replies that run or wait at the same time; a request beyond them is
  // answered 429.
  int sequences_max = 96;
  std::shared_ptr<KeyRing> keys = {};  // null: requests need no key, and one they bring is ignored
  bool logs_prompts = false;           // to http.log
  RunFolders runs = {};                // that the page shows
  KnowledgeShelf knowledge = {};       // that answers come from
  std::shared_ptr<GuardDesk> guard = {};  // that every request passes; null: none
};

class Server {
 public:
  static Result<std::unique_ptr<Server>> start(std::unique_ptr<ModelPool> pool,
                                               ServerOptions options);
  // Of a model that is loaded, and stays so.
  static Result<std::unique_ptr<Server>> start(std::unique_ptr<ServedModel> model,
                                               ServerOptions options);
  virtual ~Server() = default;  // ends what runs
  virtual int port() const = 0;
  // Takes no new requests; those that run go on.
  virtual void drain() = 0;
  virtual int requests() const = 0;  // that have not ended
};

// What the server answers for a method and a path, of all dialects. Null: nothing. `is_known`: the
// path exists with another method.
struct Route;
const Route* find_route(const std::string& method, std::string path, bool& is_known);
// The form of errors where the request asks for something of a dialect, else OpenAI's.
HttpReply (*error_writer_of(const HttpRequest& request))(const ApiError&);

}  // namespace weir

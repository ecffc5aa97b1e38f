#include "serve/http_server.h"

#include <utility>
#include <vector>

#include "serve/http_connection.h"

namespace weir {
namespace {

class LoopServer : public HttpServer {
 public:
  ~LoopServer() override {
    if (!loop_) return;
    loop_->stop();
    std::vector<std::shared_ptr<HttpConnection>> open;
    {
      std::lock_guard lock(shared_.mutex);
      for (HttpConnection* connection : shared_.open)
        if (auto held = connection->weak_from_this().lock()) open.push_back(std::move(held));
    }
    for (const auto& connection : open) connection->abandon();
    open.clear();
    loop_.reset();
  }

  Result<void> open(HttpServerOptions options, HttpHandler handler) {
    shared_.options = std::move(options);
    shared_.handler = std::move(handler);
    loop_ = TRY(EventLoop::create(shared_.options.loop));
    shared_.loop = loop_.get();
    loop_->start([this](std::unique_ptr<ByteStream> stream) {
      std::make_shared<HttpConnection>(std::move(stream), shared_)->start();
    });
    return {};
  }

  int port() const override { return loop_->port(); }
  int requests() const override { return shared_.requests; }
  void drain() override {
    shared_.is_draining = true;
    loop_->stop_listening();
  }

 private:
  HttpShared shared_;
  std::unique_ptr<EventLoop> loop_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options,
                                                      HttpHandler handler) {
  auto server = std::make_unique<LoopServer>();
  TRY(server->open(std::move(options), std::move(handler)));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace weir

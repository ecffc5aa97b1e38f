#include "knowledge/database.h"

#include <sqlite3.h>

#include <fmt/format.h>

#include <map>

namespace weir {
namespace {

constexpr int kBusyMilliseconds = 10000;
constexpr size_t kIdleStatementsMax = 64;

Error sqlite_error(sqlite3* database, const std::string& path) {
  const int code = database ? sqlite3_errcode(database) & 0xff : SQLITE_NOMEM;
  const std::string reason = database ? sqlite3_errmsg(database) : "out of memory";
  switch (code) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return {fmt::format(
          "{}: the file is damaged or no knowledge base ({}); restore a copy, or remove it and add "
          "the documents again",
          path, reason)};
    case SQLITE_BUSY:
      return {path + ": another process is writing; try again when it has finished"};
    case SQLITE_CANTOPEN:
      return {path + ": cannot be opened; make it with: weir knowledge add"};
    case SQLITE_READONLY:
      return {path + ": is read-only"};
    case SQLITE_FULL:
      return {path + ": the disk is full; nothing of this step was kept"};
    default:
      return {path + ": " + reason};
  }
}

}  // namespace

class StatementCache {
 public:
  ~StatementCache() {
    for (auto& [sql, statement] : idle_) sqlite3_finalize(statement);
  }
  sqlite3_stmt* take(std::string_view sql) {
    const auto found = idle_.find(sql);
    if (found == idle_.end()) return nullptr;
    sqlite3_stmt* statement = found->second;
    idle_.erase(found);
    return statement;
  }
  void give(sqlite3_stmt* statement) {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (idle_.size() < kIdleStatementsMax)
      idle_.emplace(sqlite3_sql(statement), statement);
    else
      sqlite3_finalize(statement);
  }

 private:
  std::multimap<std::string, sqlite3_stmt*, std::less<>> idle_;
};

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(other.statement_),
      path_(other.path_),
      cache_(other.cache_) {
  other.statement_ = nullptr;
}

Statement::~Statement() {
  if (statement_) cache_.give(statement_);
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Statement::set(int at, int64_t value) { sqlite3_bind_int64(statement_, at, value); }
void Statement::set(int at, double value) { sqlite3_bind_double(statement_, at, value); }
void Statement::set(int at, std::string_view value) {
  sqlite3_bind_text64(statement_, at, value.empty() ? "" : value.data(), value.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
}
void Statement::set(int at, std::span<const std::byte> value) {
  sqlite3_bind_blob64(statement_, at, value.data(), value.size(), SQLITE_STATIC);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return sqlite_error(database_, path_);
}

Result<void> Statement::run() {
  while (TRY(step())) {
  }
  sqlite3_reset(statement_);
  return {};
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string Statement::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_, column);
  if (!text) return "";
  return {reinterpret_cast<const char*>(text), size_t(sqlite3_column_bytes(statement_, column))};
}

std::span<const std::byte> Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  return {static_cast<const std::byte*>(data), size_t(sqlite3_column_bytes(statement_, column))};
}

Result<Database> Database::open(const std::string& path, Access access) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= access == Access::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (access == Access::create) flags |= SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  if (sqlite3_open_v2(path.c_str(), &handle, flags, nullptr) != SQLITE_OK) {
    Error error = sqlite_error(handle, path);
    sqlite3_close(handle);
    return error;
  }
  Database database(handle, path);
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  // The file may come from somebody else: its schema runs nothing.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  TRY(database.execute("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536"));
  return database;
}

Database::Database(sqlite3* database, std::string path)
    : database_(database),
      path_(std::make_unique<std::string>(std::move(path))),
      cache_(std::make_unique<StatementCache>()) {}

Database::Database(Database&& other) noexcept
    : database_(other.database_), path_(std::move(other.path_)), cache_(std::move(other.cache_)) {
  other.database_ = nullptr;
}

Database::~Database() {
  cache_.reset();
  sqlite3_close(database_);
}

Result<Statement> Database::prepare(std::string_view sql) const {
  if (sqlite3_stmt* idle = cache_->take(sql)) return Statement(database_, idle, *path_, *cache_);
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_, sql.data(), int(sql.size()), &statement, nullptr) != SQLITE_OK)
    return sqlite_error(database_, *path_);
  return Statement(database_, statement, *path_, *cache_);
}

Result<void> Database::execute(const char* sql) const {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return sqlite_error(database_, *path_);
  return {};
}

Result<int64_t> Database::integer(std::string_view sql) const {
  Statement statement = TRY(prepare(sql));
  if (!TRY(statement.step())) return int64_t(0);
  return statement.integer(0);
}

int64_t Database::last_row() const { return sqlite3_last_insert_rowid(database_); }

Result<Transaction> Transaction::begin(const Database& database) {
  TRY(database.execute("BEGIN IMMEDIATE"));
  return Transaction(&database);
}

Transaction::~Transaction() {
  if (database_) (void)database_->execute("ROLLBACK");
}

Result<void> Transaction::commit() {
  TRY(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace weir

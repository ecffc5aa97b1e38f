// SQLite as Results: statements with bound values, transactions, errors that name the file.
// database.cpp alone includes sqlite3.h.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace weir {

class StatementCache;

// A prepared statement, which its database outlives. Parameters count from 1, columns from 0.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Ends a run and binds the values of the next one in their order. Texts and bytes must live until
  // the run ends.
  template <class... Values>
  Statement& bind(const Values&... values) {
    reset();
    int at = 0;
    (set(++at, values), ...);
    return *this;
  }
  // True: there is a row.
  Result<bool> step();
  // Runs to the end, without a look at the rows.
  Result<void> run();

  int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  std::span<const std::byte> bytes(int column) const;  // until the next step

 private:
  friend class Database;
  Statement(sqlite3* database, sqlite3_stmt* statement, const std::string& path,
            StatementCache& cache)
      : database_(database), statement_(statement), path_(path), cache_(cache) {}
  void reset();
  void set(int at, int64_t value);
  void set(int at, int value) { set(at, int64_t(value)); }
  void set(int at, uint64_t value) { set(at, int64_t(value)); }
  void set(int at, double value);
  void set(int at, std::string_view value);
  void set(int at, const std::string& value) { set(at, std::string_view(value)); }
  void set(int at, const char* value) { set(at, std::string_view(value)); }
  void set(int at, std::span<const std::byte> value);

  sqlite3* database_;
  sqlite3_stmt* statement_;
  const std::string& path_;
  StatementCache& cache_;
};

class Database {
 public:
  enum class Access { read, write, create };
  // Waits up to 10 s for others who write. A file that is no database is an error at the first use.
  static Result<Database> open(const std::string& path, Access access);
  Database(Database&& other) noexcept;
  Database& operator=(Database&&) = delete;
  ~Database();

  // A statement that is no longer used is kept for the next call with the same text.
  Result<Statement> prepare(std::string_view sql) const;
  // One statement or several, without values.
  Result<void> execute(const char* sql) const;
  // The first column of the first row; 0: no row.
  Result<int64_t> integer(std::string_view sql) const;
  int64_t last_row() const;
  const std::string& path() const { return *path_; }

 private:
  Database(sqlite3* database, std::string path);
  sqlite3* database_;
  std::unique_ptr<std::string> path_;  // statements refer to both
  std::unique_ptr<StatementCache> cache_;
};

// BEGIN IMMEDIATE; rolled back unless committed.
class Transaction {
 public:
  static Result<Transaction> begin(const Database& database);
  Transaction(Transaction&& other) noexcept : database_(other.database_) {
    other.database_ = nullptr;
  }
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(const Database* database) : database_(database) {}
  const Database* database_;
};

}  // namespace weir

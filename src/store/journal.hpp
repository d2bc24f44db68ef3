#pragma once

// The calls that made a part of run.h5, as a record: a resumed run makes them again. Local;
// private to the store.

#include "store/record.hpp"
#include "store/run_file.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace fathom {

/// Calls in their order. What they were given lies on one tape a type, each read from its start:
/// a call takes from them what it put there.
class Journal {
 public:
  enum class Call : std::int8_t { group, scale, variable, attribute, attribute_of, columns };

  // Writing
  void begin(Call call) { calls_.push_back(static_cast<std::int8_t>(call)); }
  void put(const std::string& text) { texts_.push_back(text); }
  void put(std::int64_t number) { integers_.push_back(number); }
  void put(const Values& values);
  void put(const AttributeValue& value);
  void put(const std::vector<std::string>& texts);
  Record take();  ///< and starts anew

  // Reading. Error(input) where the record does not hold what is asked for.
  explicit Journal(const Record& record);
  Journal() = default;
  bool at_end() const;
  Call next_call();
  std::string text();
  std::int64_t integer();
  Values values();  ///< refers to the journal's memory
  AttributeValue attribute();
  std::vector<std::string> text_list();

 private:
  template <class T>
  std::span<const T> take_from(const std::vector<T>& tape, std::size_t& place, std::int64_t count);
  std::vector<std::int8_t> calls_, bytes_;
  std::vector<std::string> texts_;
  std::vector<std::int64_t> integers_;
  std::vector<double> reals_;
  std::size_t call_ = 0, byte_ = 0, text_ = 0, integer_ = 0, real_ = 0;
};

}  // namespace fathom

#pragma once

// Named arrays that are kept together: what one record of a checkpoint holds. Local.

#include "base/error.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace fathom {

/// Small data of one rank. Names: letters, digits, '_', '-', '.'.
struct Record {
  using Array = std::variant<std::vector<double>, std::vector<float>, std::vector<std::int64_t>,
                             std::vector<std::int8_t>, std::vector<std::string>>;
  std::map<std::string, Array> values;

  bool has(const std::string& name) const { return values.contains(name); }

  /// Error(input) where there is no such array or it is of another type: a record of another
  /// program.
  template <class T>
  const std::vector<T>& get(const std::string& name) const {
    const auto found = values.find(name);
    if (found == values.end())
      throw Error(ExitCode::input, "a record of the checkpoint holds no '{}'", name);
    const auto* array = std::get_if<std::vector<T>>(&found->second);
    if (!array)
      throw Error(ExitCode::input, "'{}' in a record of the checkpoint is of another type", name);
    return *array;
  }
  /// The same for an array of one element.
  template <class T>
  const T& one(const std::string& name) const {
    const std::vector<T>& array = get<T>(name);
    if (array.size() != 1)
      throw Error(ExitCode::input, "'{}' in a record of the checkpoint holds {} values, not one",
                  name, array.size());
    return array.front();
  }

  friend bool operator==(const Record&, const Record&) = default;
};

}  // namespace fathom

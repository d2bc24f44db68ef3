#pragma once

// Faults of a deck, collected so that all of them are reported at once.

#include "deck/toml_reader.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fathom::deck {

struct Fault {
  Place place;
  std::string message;             ///< what is wrong and what would be valid
  std::vector<std::string> hints;  ///< further lines: where, nearest name, what to write
};

class Faults {
 public:
  /// Adds a fault unless the same one, at the same place, is there already.
  void add(Fault fault);
  bool empty() const { return faults_.empty(); }
  /// So many that further ones are only counted: this is some other file.
  bool full() const;
  const std::vector<Fault>& all() const { return faults_; }
  std::size_t count() const { return faults_.size() + uncounted_; }

 private:
  std::vector<Fault> faults_;
  std::size_t uncounted_ = 0;
};

/// The report: faults sorted by place, overrides last, each with file:line:column, its line of the
/// deck and a caret, and a last line with the count.
std::string render(const Faults& faults, std::string_view file, std::string_view text,
                   std::span<const std::string> overrides);

/// Text from outside as one printable line, cut to `limit` characters: control characters and
/// broken UTF-8 become '?'.
std::string printable(std::string_view text, std::size_t limit = 60);

}  // namespace fathom::deck

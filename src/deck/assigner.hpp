#pragma once

// From assignments to keys: which key each one sets or sweeps, and faults for those that name none.

#include "deck/resolver.hpp"

#include <set>
#include <span>
#include <string>

namespace fathom::deck {

/// A swept key with its values, each with its own place.
struct SweptKey {
  std::size_t key = 0;
  Place place;
  std::vector<Given> values;
};

/// Sorts assignments of the deck and of --set into keys and sweeps. Overrides replace what the deck
/// says; a later override replaces an earlier one.
class Assigner {
 public:
  explicit Assigner(Faults& faults);

  void deck(const Reading& reading);
  void overrides(std::span<const std::string> texts);
  /// To be called once, after all assignments.
  void finish();

  const GivenKeys& given() const { return given_; }
  const std::vector<SweptKey>& swept() const { return swept_; }
  const Landmarks& landmarks() const { return landmarks_; }
  void set_end(Place end) { landmarks_.end = end; }

 private:
  void add_override(std::size_t index, const std::string& text);
  void replace(const std::string& name);
  void header(const Assignment& assignment);
  void assign(const Assignment& assignment);
  void assign_key(const Assignment& assignment, const std::string& name);
  void sweep(const Assignment& assignment);
  void sweep_values(std::size_t key, const Assignment& assignment);
  bool misplaced_section(const Assignment& assignment);
  void unknown_key(const Assignment& assignment, const std::string& name, bool in_sweep);
  void unknown_section(const Assignment& assignment);
  void table_for_key(const Assignment& assignment, const std::string& name, std::size_t key);
  void spoil(std::string_view key, Place place);
  void spoil_section(std::string_view section, Place place);

  Faults& faults_;
  std::vector<Assignment> assignments_;
  std::vector<Assignment> headers_;
  std::set<std::string> reported_;  ///< names below which everything is wrong already
  GivenKeys given_;
  std::vector<SweptKey> swept_;
  Landmarks landmarks_;
};

}  // namespace fathom::deck

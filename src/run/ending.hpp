#pragma once

// The end of a run that was killed when its result had its name already and before its last word.

#include "base/error.hpp"
#include "deck/deck.hpp"
#include "store/run_folder.hpp"

#include <string>
#include <vector>

namespace fathom {

struct StandingResult {
  ExitCode code = ExitCode::ok;      ///< of the run that made it
  std::vector<std::string> lines{};  ///< what was checked, removed and found, for the log
};

/// Reads run.h5 whole, holds it against its checksums and the deck, and removes what is left of the
/// run's checkpoint. Error(input) where the file is damaged, Error(deck) where it is of another
/// deck, saying which keys: then nothing is removed. Collective, agreed.
/// @pre folder.has_result()
StandingResult end_of_result(const Deck& deck, const RunFolder& folder);

}  // namespace fathom

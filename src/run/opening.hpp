#pragma once

// How a run begins: from a deck in a new folder, or in the folder of one that was stopped or
// killed, from what its checkpoint keeps.

#include "deck/deck.hpp"
#include "run/runner.hpp"
#include "store/checkpoint.hpp"
#include "store/run_folder.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fathom {

/// What two runs must have in common for one to go on from the other: the resolved deck but for
/// keys that change no number: the title and where, how long and how often kept. Pure.
std::string run_identity(const Deck& deck);

/// Keys whose values differ between two texts of run_identity, with both values: "data.n: 60, was
/// 80". Pure.
std::vector<std::string> changed_keys(const std::string& identity, const std::string& before);

/// Where the run keeps its checkpoint. Pure.
std::filesystem::path checkpoint_folder(const Deck& deck, const RunFolder& folder);

struct Opened {
  Deck deck;
  RunFolder folder;
};

/// A new run, or the one in arguments.resume, by its own deck: Error(deck) where overrides or the
/// deck of arguments.deck_path would change a number of it, and then nothing in the folder is
/// touched. Error(exists), Error(io); Error(input) where the folder is none of an unfinished run.
/// Collective, agreed.
Opened open_run(const Communicator& world, const RunArguments& arguments);

struct Kept {
  Checkpoint checkpoint;
  std::int64_t resumes = 0;  ///< how often the run has been gone on with; 0: a new one
  /// On rank 0, where the run had kept something that is not there any more: what to say.
  std::optional<std::string> lost = {};
};

/// What the run keeps, or kept before. Error(deck) where the deck was changed, saying which keys;
/// Error(input) where the checkpoint is damaged or of another run; Error(exists) where another run
/// keeps there. Collective, agreed.
Kept open_checkpoint(const Communicator& world, const RunArguments& arguments, const Deck& deck,
                     const RunFolder& folder);

}  // namespace fathom

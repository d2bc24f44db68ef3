#pragma once

// Names in the folder of a run, how it is made, and how it is cleared. Local; private to the store.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fathom {

/// Removes what a killed run was writing: one of the run's names and ".tmp-" with its process.
/// Error(io).
void remove_partial_files(const std::filesystem::path& folder);

/// Makes the folder and its parents. Error(io) where it cannot be a folder to write in.
void make_folder(const std::filesystem::path& path);

/// Error(exists) where there is something in the folder. The first files of a run that was killed
/// before it had a status are nothing.
void refuse_existing(const std::filesystem::path& path);

/// Removes the files of a run but for its lock, and nothing besides; the resolved deck first, so
/// that a run of which only a part is left cannot be gone on with. Error(io).
void remove_own_files(const std::filesystem::path& path);

bool holds_checkpoint(const std::filesystem::path& checkpoint_folder);

/// Makes an empty folder beside `path`, which does not exist yet, for files that shall be there
/// under that name all at once; what killed runs have left of such folders is removed. None where
/// there is such a folder already or no other one can be made there. Error(exists) where another
/// process makes one for the same name.
std::optional<std::filesystem::path> make_beside(const std::filesystem::path& path);
/// Names it so. False where the file system cannot, Error(exists) where something has that name by
/// now.
bool name_beside(const std::filesystem::path& beside, const std::filesystem::path& path);
/// What is not removed takes space and nothing else.
void remove_beside(const std::filesystem::path& beside) noexcept;

}  // namespace fathom

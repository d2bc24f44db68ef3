#include "run/ending.hpp"

#include "run/opening.hpp"
#include "run/run_log.hpp"
#include "store/verify_run.hpp"

#include <cstdint>
#include <sstream>

#include <fmt/ranges.h>

namespace fathom {
namespace {

/// On the root.
RunSummary checked_summary(const Deck& deck, const RunFolder& folder, StandingResult& result) {
  const VerifyReport report = verify_run(folder.path());
  if (!report.damage.empty())
    throw Error(ExitCode::input,
                "{}: is not what was written; where it is removed, the run goes on from its "
                "checkpoint:\n  {}",
                report.file.string(), fmt::join(report.damage, "\n  "));
  RunSummary summary = read_summary(report.file);
  const std::vector<std::string> changed =
      changed_keys(run_identity(deck), run_identity(parse_deck({"run.h5", summary.resolved_deck})));
  if (!changed.empty())
    throw Error(ExitCode::deck,
                "{}: is the result of another deck. Set back, or begin a new run:\n  {}",
                report.file.string(), fmt::join(changed, "\n  "));
  result.lines.push_back(
      fmt::format("run.h5 is there and whole ({} agree with their checksums): the run was ended "
                  "between its result and its last word, and nothing is computed again",
                  size_text(static_cast<double>(report.bytes))));
  return summary;
}

}  // namespace

StandingResult end_of_result(const Deck& deck, const RunFolder& folder) {
  const Communicator& comm = folder.comm();
  StandingResult result;
  RunSummary summary;
  comm.agree_on_root([&] { summary = checked_summary(deck, folder, result); });
  if (!deck.is_word("run.checkpoint") &&
      Checkpoint::remove_left(folder, checkpoint_folder(deck, folder), run_identity(deck)))
    result.lines.emplace_back("its checkpoint is removed");
  result.lines.push_back(fmt::format("certificate {}", summary.certificate));
  std::istringstream verdicts(summary.verdict);
  for (std::string verdict; std::getline(verdicts, verdict);)
    result.lines.push_back("finding: " + verdict);
  result.lines.push_back(fmt::format("done: {}", folder.run_file().string()));
  result.lines.push_back(fmt::format("next: fathom-report {}", folder.path().string()));
  result.code = static_cast<ExitCode>(comm.max(std::int64_t{summary.exit_code}));
  return result;
}

}  // namespace fathom

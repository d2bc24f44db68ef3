#include "run/runner.hpp"

#include "base/fault.hpp"
#include "bindings/blas.hpp"
#include "bindings/blas_kernels.hpp"
#include "comm/rendezvous.hpp"
#include "run/ending.hpp"
#include "run/opening.hpp"
#include "run/result_block.hpp"
#include "run/run_log.hpp"
#include "run/run_planning.hpp"
#include "run/run_stop.hpp"
#include "run/shell_quoted.hpp"
#include "run/status_board.hpp"
#include "store/memory.hpp"
#include "store/provenance.hpp"
#include "studies/context.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <new>
#include <optional>
#include <sstream>

namespace fathom {
namespace {

/// A rank that does not come within this many seconds is taken to be stuck: the job is aborted.
constexpr double patience_seconds = 10.0;

/// Everything that outlives a failure, so that the failure can be told.
struct Run {
  explicit Run(const MpiSession& session)
      : world(session.world()), rendezvous(world), log(world.root()), status(log) {}

  const Communicator& world;
  Rendezvous rendezvous;
  Timer timer;
  std::optional<RunFolder> folder;
  bool keeps = true;           // a checkpoint
  bool resumes = false;        // and nothing was changed yet
  bool result_stands = false;  // run.h5 has its name
  std::optional<RunStop> stop;
  RunLog log;          // its heartbeat asks for the time left
  StatusBoard status;  // last: its thread ends before the rest goes
};

std::string go_on_with(const Run& run) {
  const RunFolder& folder = *run.folder;
  const int ranks = folder.comm().size();
  return fmt::format(
      "{}: {}fathom resume {}",
      run.keeps ? "go on with"
                : "nothing was kept, run.checkpoint is \"off\"; begin once more with",
      ranks > 1 ? fmt::format("mpirun -n {} ", ranks) : "", shell_quoted(folder.path().string()));
}

void greet(Run& run, const Deck& deck, const Provenance& provenance) {
  run.log.note(fmt::format("fathom {} ({}): {}", provenance.version, provenance.git_hash,
                           deck.text("title")));
  run.log.note(fmt::format("{} ranks on {}; BLAS {}", provenance.ranks, provenance.hosts,
                           provenance.blas_loaded));
  if (const std::string note = kernels_note(); !note.empty()) run.log.note(note);
  if (provenance.blas_loaded.find("OpenBLAS") == std::string::npos &&
      provenance.blas_loaded.find("openblas") == std::string::npos)
    run.log.warn("this BLAS is not OpenBLAS: a reference BLAS is some fifteen times slower");
  std::istringstream echo(deck.resolved_toml());
  for (std::string line; std::getline(echo, line);)
    run.log.note("  | " + line);
}

void write_header(RunFile& file, const Deck& deck, const StudyOutcome& outcome,
                  const Provenance& provenance) {
  const RunGroup root = file.root();
  root.attribute("format", 1);
  root.attribute("title", deck.text("title"));
  root.attribute("study", deck.text("study.kind"));
  root.attribute("created", provenance.finished);
  root.attribute("certificate", name(outcome.certificate));
  root.attribute("exit_code",
                 static_cast<int>(outcome.diverged ? ExitCode::numeric : ExitCode::ok));
  std::string verdicts;
  for (const std::string& verdict : outcome.verdicts)
    verdicts += (verdicts.empty() ? "" : "\n") + verdict;
  root.attribute("verdict", verdicts);
  write_provenance(file.group("provenance"), provenance);
}

MemoryUse memory_use(const Communicator& world, const StudyOutcome& outcome, double baseline) {
  return {outcome.matrix_bytes, outcome.predicted_peak_bytes, world.max(baseline),
          world.max(static_cast<double>(peak_resident_bytes()) - baseline)};
}

std::vector<std::string> result_files() {
  return {"run.h5", "fathom.log", "deck.toml", "deck.resolved.toml"};
}

/// From here on the log, the status and the wish to stop have their place in the folder.
void settle_in(Run& run, const Deck& deck) {
  run.stop.emplace(run.world, run.folder->stop_file(),
                   find_wall_limit(run.world, deck, run.timer.seconds()));
  run.status.watch(*run.folder, *run.stop,
                   "ended by a signal before the next safe point; " + go_on_with(run));
  run.world.agree([&] {
    fault_point("run.log");
    run.log.open(run.folder->log_file());
  });
  run.log.on_heartbeat([&run] {
    const TimeLimit limit = run.stop->limit();
    if (!std::isfinite(limit.seconds_left)) return std::string();
    return fmt::format("{} to {}", duration_text(limit.seconds_left), limit.name);
  });
}

/// Obeyed, or too late: it must not end the run that goes on from here, or the next of this folder.
/// Whether it was there.
bool take_stop_away(const Run& run) {
  std::error_code ignored;
  return run.world.root() && run.stop && std::filesystem::remove(run.stop->stop_file(), ignored);
}

/// The last word of a run that has a result.
void conclude_result(Run& run, ExitCode code) {
  run.result_stands = true;
  take_stop_away(run);
  if (code == ExitCode::numeric)
    throw AgreedError(ExitCode::numeric,
                      "a training diverged, see the log; {} stands and holds what was found before",
                      run.folder->run_file().string());
  const std::string trouble = run.status.conclude([](RunStatus& s) {
    s.state = "finished";
    s.phase = s.message = "";
    s.exit_code = 0;
    s.files = result_files();
  });
  if (!trouble.empty()) run.log.warn("status.json still says \"running\": " + trouble);
}

void note_point(Run& run, const Checkpoint& checkpoint, std::int64_t done, std::int64_t total) {
  run.status.points(done, total);
  if (total == 1) return;
  // Points of an earlier run took no time of this one.
  const std::int64_t before = std::ranges::count_if(
      checkpoint.reused(), [](const std::string& key) { return key.ends_with(".done"); });
  const double each =
      run.timer.seconds() / static_cast<double>(std::max(done - before, std::int64_t{1}));
  run.log.note(fmt::format("point {} of {} done, ", done, total) +
               (done == before
                    ? std::string("by an earlier run")
                    : fmt::format("{} to go at this rate",
                                  duration_text(each * static_cast<double>(total - done)))));
}

/// Each once, in the order of the points.
std::vector<std::int64_t> seeds_of(const Deck& deck) {
  std::vector<std::int64_t> seeds;
  for (const StudyPoint& point : study_points(deck)) {
    const std::int64_t seed = point.deck.integer("run.seed");
    if (std::ranges::find(seeds, seed) == seeds.end()) seeds.push_back(seed);
  }
  return seeds;
}

void execute(Run& run, const RunArguments& arguments) {
  const auto baseline = static_cast<double>(resident_bytes());
  Opened opened = open_run(run.world, arguments);
  const Deck& deck = opened.deck;
  run.folder = std::move(opened.folder);
  run.keeps = !deck.is_word("run.checkpoint");
  run.resumes = !arguments.resume.empty();
  settle_in(run, deck);
  if (run.folder->has_result()) {
    const StandingResult result = end_of_result(deck, *run.folder);
    for (const std::string& line : result.lines)
      run.log.note(line);
    const std::int64_t points = run.folder->status_found().points_total;
    run.status.points(points, points);
    run.resumes = false;
    return conclude_result(run, result.code);
  }
  run.status.points(run.folder->status_found().points_done, std::ssize(study_points(deck)));
  Kept kept = open_checkpoint(run.world, arguments, deck, *run.folder);

  Provenance provenance = collect_provenance(run.world);
  provenance.deck = run.folder->deck_text();
  provenance.resolved_deck = deck.resolved_toml();
  provenance.deck_path = arguments.resume.empty() ? arguments.deck_path : deck.source().path;
  provenance.command_line = arguments.command_line;
  greet(run, deck, provenance);
  run.log.note(run.stop->note());
  if (kept.resumes > 0)
    run.log.note(fmt::format("goes on with the run in {} (resume {})", run.folder->path().string(),
                             kept.resumes));
  if (kept.lost) run.log.warn(*kept.lost);
  const Planned planned = plan_of_run(run.world, run.log, deck, baseline);
  run.resumes = false;

  fault_point("run.alone");  // agreed with nobody: what a bug on one rank looks like
  RunFile file(*run.folder);
  PhaseClock clock(run.log);
  const auto point_done = [&](std::int64_t done, std::int64_t total) {
    note_point(run, kept.checkpoint, done, total);
  };
  const StudyOutcome outcome =
      run_study({run.world, deck, run.log, clock, file, *run.stop, kept.checkpoint, point_done,
                 planned.inputs, planned.room, planned.model});
  if (!kept.checkpoint.reused().empty())
    run.log.note(fmt::format("from the checkpoint: {}", fmt::join(kept.checkpoint.reused(), ", ")));

  provenance.finished = utc_now();
  provenance.grid = outcome.grid;
  provenance.block = outcome.block;
  provenance.seeds = seeds_of(deck);
  const std::vector<PhaseTime> phases = clock.reduce(run.world);
  const MemoryUse memory = memory_use(run.world, outcome, baseline);
  write_header(file, deck, outcome, provenance);
  write_timing(file, phases, planned.plan.phases);
  write_memory(file, memory);
  file.finish();
  fault_point("run.result");
  for (const std::string& line : result_block(outcome, phases, planned.plan.phases, memory,
                                              run.folder->path().string(), run.timer.seconds()))
    run.log.note(line);
  kept.checkpoint.remove();
  fault_point("run.last_word");
  conclude_result(run, outcome.diverged ? ExitCode::numeric : ExitCode::ok);
}

/// A stop that all ranks agreed on: no error, but not done either.
ExitCode conclude_stop(Run& run, const Error& stop) {
  const std::string message = fmt::format("{}; {}", stop.what(), go_on_with(run));
  // Who makes the file wants the run to stay ended, whatever else asked for it before.
  const std::string why = take_stop_away(run) ? stop_by_file : run.stop->why();
  const std::string trouble = run.status.conclude([&](RunStatus& s) {
    s.state = "checkpointed";
    s.stop_requested = why;
    s.exit_code = static_cast<int>(ExitCode::checkpointed);
    s.message = message;
  });
  if (run.world.root()) {
    run.log.file_only("fathom: " + message);
    std::fflush(stdout);
    const std::string more =
        trouble.empty() ? "" : "; status.json does not say so, it cannot be written: " + trouble;
    std::fprintf(stderr, "fathom: %s%s\n", message.c_str(), more.c_str());
  }
  return ExitCode::checkpointed;
}

/// One message, one code, on all ranks; or the end of the job where the others cannot be reached.
ExitCode conclude(Run& run, const MpiSession& session, const Error& error) {
  const std::string text = fmt::format("fathom: error {} ({}): {}", static_cast<int>(error.code()),
                                       name(error.code()), error.what());
  const auto fail = [&](ExitCode code, bool speak_for_root) {
    run.status.conclude(
        [&](RunStatus& s) {
          s.state = "failed";
          s.exit_code = static_cast<int>(code);
          s.message = error.what();
          if (run.result_stands) s.files = result_files();
        },
        speak_for_root);
  };
  if (!run.rendezvous.all_arrive(patience_seconds)) {
    fail(error.code(), true);
    // Rank 0 may be stuck, so the rank that knows adds the line to the log itself.
    if (run.folder) std::ofstream(run.folder->log_file(), std::ios::app) << text << std::endl;
    session.abort(text, error.code());
  }
  const auto code = static_cast<ExitCode>(run.rendezvous.from_root(static_cast<int>(error.code())));
  if (code == ExitCode::checkpointed) return conclude_stop(run, error);
  // A refused resume leaves the run as it was found.
  const bool untouched = run.resumes && run.status.give_back();
  if (!untouched) take_stop_away(run);
  if (run.world.root()) {
    run.log.file_only(text);
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n", text.c_str());
  }
  if (!untouched) fail(code, false);
  return code;
}

}  // namespace

ExitCode run_deck(const MpiSession& session, const RunArguments& arguments) {
  Run run(session);
  try {
    execute(run, arguments);
    return ExitCode::ok;
  } catch (const Error& error) {
    return conclude(run, session, error);
  } catch (const std::bad_alloc&) {
    return conclude(run, session,
                    Error(ExitCode::no_fit, "out of memory on rank {}", run.world.rank()));
  } catch (const std::exception& fault) {
    return conclude(run, session, Error(ExitCode::internal, "{}", fault.what()));
  }
}

}  // namespace fathom

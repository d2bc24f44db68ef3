#include "run/runner.hpp"

#include "base/fault.hpp"
#include "bindings/blas.hpp"
#include "bindings/blas_kernels.hpp"
#include "comm/rendezvous.hpp"
#include "run/calibration.hpp"
#include "run/plan_text.hpp"
#include "run/result_block.hpp"
#include "run/run_log.hpp"
#include "store/memory.hpp"
#include "store/provenance.hpp"
#include "studies/memory_plan.hpp"
#include "studies/run_plan.hpp"

#include <algorithm>
#include <fstream>
#include <mutex>
#include <new>
#include <optional>
#include <set>
#include <sstream>

#include <unistd.h>

namespace fathom {
namespace {

/// A rank that does not come within this many seconds is taken to be stuck: the job is aborted.
constexpr double patience_seconds = 10.0;

/// The folder's status, published from the main thread and from the heartbeat.
class StatusBoard {
 public:
  void attach(RunFolder& folder) {
    change([&](RunStatus&) { folder_ = &folder; });
  }
  /// Returns why the status could not be written, empty where it was.
  template <class Change>
  std::string change(Change&& change, bool speak_for_root = false) {
    const std::lock_guard lock(mutex_);
    change(status_);
    return folder_ ? folder_->publish(status_, speak_for_root) : std::string();
  }

 private:
  std::mutex mutex_;
  RunFolder* folder_ = nullptr;
  RunStatus status_;
};

/// Everything that outlives a failure, so that the failure can be told.
struct Run {
  explicit Run(const MpiSession& session)
      : world(session.world()), rendezvous(world), log(world.root()) {}

  const Communicator& world;
  Rendezvous rendezvous;
  Timer timer;
  std::optional<RunFolder> folder;
  StatusBoard status;
  RunLog log;  // last: its heartbeat ends before the rest goes
};

/// The root reads, every rank resolves the same text.
Deck read_deck(const Communicator& world, const RunArguments& arguments) {
  std::optional<Deck> deck;
  Source source{arguments.deck_path, ""};
  world.agree_on_root(
      [&] { source = load_deck(arguments.deck_path, arguments.overrides).source(); });
  world.broadcast(source.text);
  world.agree([&] {
    fault_point("run.deck");
    deck = parse_deck(source, arguments.overrides);
  });
  return *deck;
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

/// The nodes of this run, and what its ranks may take of their memory.
Machine machine_of(const Communicator& world, double baseline, double room) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const std::vector<std::string> hosts = world.gather(host);
  Machine machine;
  machine.nodes = static_cast<int>(
      world.max(static_cast<double>(std::set<std::string>(hosts.begin(), hosts.end()).size())));
  machine.cores = machine.ranks_a_node(world.size());
  machine.baseline = world.max(baseline);
  machine.memory = (room + machine.baseline) * machine.ranks_a_node(world.size());
  const auto limit = memory_limit();
  machine.limit = limit ? limit->from : "free memory";
  return machine;
}

/// The root's calibration; a file that cannot be read costs a warning, not the run.
MachineModel rates(Run& run) {
  try {
    return run.world.root() ? load_calibration(std::nullopt) : MachineModel{};
  } catch (const Error& error) {
    run.log.warn(error.what());
    return {};
  }
}

struct Planned {
  InputShapes inputs;
  double room = 0;  ///< bytes a rank
  RunPlan plan;
};

/// The plan that the command makes, held against what the ranks have. Error(no_fit). Collective.
Planned make_plan(Run& run, const Deck& deck, double baseline) {
  Planned planned;
  planned.inputs = InputShapes::read(run.world, deck);
  planned.room = memory_a_rank(run.world);
  const Machine machine = machine_of(run.world, baseline, planned.room);
  const MachineModel model = rates(run);
  std::string no;
  run.world.agree([&] {
    const std::vector<PointShape> points = point_shapes(deck, planned.inputs);
    planned.plan = plan_run(points, run.world.size(), machine, model);
    for (const std::string& line : plan_lines(points, planned.plan, machine, model))
      run.log.note(line);
    no = refusal(points, planned.plan, machine);
  });
  if (!no.empty()) throw AgreedError(ExitCode::no_fit, "{}", no);
  return planned;
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

void execute(Run& run, const RunArguments& arguments) {
  const Deck deck = read_deck(run.world, arguments);
  const auto baseline = static_cast<double>(resident_bytes());
  run.folder = RunFolder::open(run.world, deck.text("run.output"), deck.flag("run.overwrite"),
                               deck.source().text, deck.resolved_toml());
  run.status.attach(*run.folder);
  run.world.agree([&] {
    fault_point("run.log");
    run.log.open(run.folder->log_file());
  });
  run.log.on_phase(
      [&](const std::string& phase) { run.status.change([&](RunStatus& s) { s.phase = phase; }); });

  Provenance provenance = collect_provenance(run.world);
  provenance.deck = deck.source().text;
  provenance.resolved_deck = deck.resolved_toml();
  provenance.deck_path = arguments.deck_path;
  provenance.command_line = arguments.command_line;
  greet(run, deck, provenance);
  const Planned planned = make_plan(run, deck, baseline);

  fault_point("run.alone");  // agreed with nobody: what a bug on one rank looks like
  RunFile file(*run.folder);
  PhaseClock clock(run.log);
  const auto point_done = [&](std::int64_t done, std::int64_t total) {
    run.status.change([&](RunStatus& s) {
      s.points_done = done;
      s.points_total = total;
    });
    if (total > 1)
      run.log.note(fmt::format("point {} of {} done, {} to go at this rate", done, total,
                               duration_text(run.timer.seconds() / static_cast<double>(done) *
                                             static_cast<double>(total - done))));
  };
  const StudyOutcome outcome =
      run_study({run.world, deck, run.log, clock, file, point_done, planned.inputs, planned.room});

  provenance.finished = utc_now();
  provenance.grid = outcome.grid;
  provenance.block = outcome.block;
  for (const StudyPoint& point : study_points(deck)) {
    const std::int64_t seed = point.deck.integer("run.seed");
    if (std::find(provenance.seeds.begin(), provenance.seeds.end(), seed) == provenance.seeds.end())
      provenance.seeds.push_back(seed);
  }
  const std::vector<PhaseTime> phases = clock.reduce(run.world);
  const MemoryUse memory = memory_use(run.world, outcome, baseline);
  write_header(file, deck, outcome, provenance);
  write_timing(file, phases, planned.plan.phases);
  write_memory(file, memory);
  file.finish();
  for (const std::string& line : result_block(outcome, phases, planned.plan.phases, memory,
                                              run.folder->path().string(), run.timer.seconds()))
    run.log.note(line);
  const std::string trouble = run.status.change([](RunStatus& s) {
    s.state = "finished";
    s.phase = "";
    s.files = {"run.h5", "fathom.log", "deck.toml", "deck.resolved.toml"};
  });
  if (!trouble.empty()) run.log.warn("status.json still says \"running\": " + trouble);
  if (outcome.diverged)
    throw AgreedError(ExitCode::numeric,
                      "a training diverged, see the log; {} stands and holds what was found before",
                      (run.folder->path() / "run.h5").string());
}

/// One message, one code, on all ranks; or the end of the job where the others cannot be reached.
ExitCode conclude(Run& run, const MpiSession& session, const Error& error) {
  const std::string text = fmt::format("fathom: error {} ({}): {}", static_cast<int>(error.code()),
                                       name(error.code()), error.what());
  const auto fail = [&](ExitCode code, bool speak_for_root) {
    run.status.change(
        [&](RunStatus& s) {
          s.state = "failed";
          s.exit_code = static_cast<int>(code);
          s.message = error.what();
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
  if (run.world.root()) {
    run.log.file_only(text);
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n", text.c_str());
  }
  fail(code, false);
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

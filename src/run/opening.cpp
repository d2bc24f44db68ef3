#include "run/opening.hpp"

#include "base/fault.hpp"
#include "deck/sweep_point.hpp"
#include "deck/toml_reader.hpp"
#include "deck/value.hpp"
#include "store/posix_file.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <sstream>

namespace fathom {
namespace {

namespace fs = std::filesystem;

/// Keys that may differ between a run and the one that goes on from it.
constexpr std::array free_keys = {"title",          "run.output",     "run.overwrite",
                                  "run.wall_limit", "run.checkpoint", "run.checkpoint_folder"};

constexpr const char* run_record = "run";

/// Of a text of run_identity: "data.n" → "60".
std::map<std::string, std::string> values_of(const std::string& identity) {
  std::map<std::string, std::string> values;
  std::istringstream lines(identity);
  for (std::string line; std::getline(lines, line);)
    if (const auto equals = line.find(" = "); equals != line.npos)
      values[line.substr(0, equals)] = line.substr(equals + 3);
  return values;
}

/// run.checkpoint_folder as it will be found from any folder; points that run by themselves share
/// none.
std::string own_folder(const Deck& deck, const RunArguments& arguments) {
  fs::path folder = settled_path(deck.text("run.checkpoint_folder"));
  if (arguments.point) folder /= fmt::format("{:04}", *arguments.point);
  return folder.string();
}

/// The root reads, every rank resolves the same text.
Deck read_deck(const Communicator& world, const RunArguments& arguments) {
  std::optional<Deck> deck;
  Source source{arguments.deck_path, ""};
  std::vector<std::string> overrides = arguments.overrides;
  world.agree_on_root([&] {
    const Deck whole = load_deck(arguments.deck_path, overrides);
    source = arguments.point ? point_source(whole, *arguments.point) : whole.source();
  });
  // The overrides are in the deck of a point already.
  if (arguments.point) overrides.clear();
  world.broadcast(source.text);
  world.agree([&] {
    fault_point("run.deck");
    deck = parse_deck(source, overrides);
    if (deck->has("run.checkpoint_folder")) {
      overrides.push_back("run.checkpoint_folder=" + toml_string(own_folder(*deck, arguments)));
      deck = parse_deck(source, overrides);
    }
  });
  return *deck;
}

bool wanted(const Deck& deck) {
  return !deck.is_word("run.checkpoint");
}

/// Where the checkpoint is another deck's, the keys tell more than "of another run".
void refuse_changes(const Communicator& world, const fs::path& folder, const std::string& identity,
                    const std::string& before) {
  world.agree_on_root([&] {
    const std::vector<std::string> changed = changed_keys(identity, before);
    if (changed.empty()) return;
    std::string text = fmt::format(
        "{}: the deck was changed since the run began; what it has kept is of another one. Set "
        "back, or begin a new run:",
        folder.string());
    for (const std::string& key : changed)
      text += "\n  " + key;
    throw Error(ExitCode::deck, text);
  });
}

/// A run goes on from its resolved deck; whoever changed deck.toml meant that to count.
std::string identity_of_given(const std::string& text) {
  return run_identity(parse_deck({"deck.toml", text}, {}));
}

/// Words for keys that change no number and do not say where the run keeps what it goes on from.
std::vector<std::string> how_long_and_how_often(const std::vector<std::string>& words) {
  constexpr std::array keys = {"run.wall_limit", "run.checkpoint", "run.overwrite"};
  std::vector<std::string> found;
  for (const std::string& word : words)
    if (std::ranges::find(keys, deck::override_key(word)) != keys.end()) found.push_back(word);
  return found;
}

struct GoOn {
  std::string own;           ///< text of the run's resolved deck; empty where there is none
  std::optional<Deck> deck;  ///< what it goes on by
};

/// The run's own deck, with the words that came. What they say, and the deck that was given if any,
/// must be what the run's own says but for keys that change no number: asked before the folder is
/// taken, so that who is refused leaves everything as it is.
GoOn deck_to_go_on_by(const Communicator& world, const RunArguments& arguments) {
  const fs::path folder = settled_path(arguments.resume);
  Source own{(folder / "deck.resolved.toml").string(), ""};
  world.agree_on_root([&] {
    std::error_code problem;
    if (!fs::exists(own.path, problem)) return;
    const PosixFile file = PosixFile::open(own.path, PosixFile::Mode::read);
    own.text = file.read_start(file.size());
  });
  world.broadcast(own.text);
  GoOn go_on{own.text, std::nullopt};
  if (own.text.empty()) return go_on;
  const bool given = !arguments.deck_path.empty();
  std::string before, now;
  world.agree([&] {
    fault_point("run.deck");
    before = run_identity(parse_deck(own, {}));
    go_on.deck =
        parse_deck(own, given ? how_long_and_how_often(arguments.overrides) : arguments.overrides);
    now = run_identity(*go_on.deck);
  });
  if (given) now = run_identity(read_deck(world, arguments));
  refuse_changes(world, folder, now, before);
  return go_on;
}

Record run_state(const RunFolder& folder, std::int64_t resumes) {
  return {{{"resumes", std::vector<std::int64_t>{resumes}},
           {"deck", std::vector<std::string>{folder.deck_text()}}}};
}

}  // namespace

std::string run_identity(const Deck& deck) {
  std::string text;
  for (const auto& [key, value] : deck.resolved())
    if (std::ranges::find(free_keys, key) == free_keys.end()) text += key + " = " + value + "\n";
  return text;
}

std::vector<std::string> changed_keys(const std::string& identity, const std::string& before) {
  const auto now = values_of(identity), then = values_of(before);
  std::vector<std::string> changed;
  for (const auto& [key, value] : now) {
    const auto old = then.find(key);
    if (old == then.end())
      changed.push_back(fmt::format("{}: {}, was not there", key, value));
    else if (old->second != value)
      changed.push_back(fmt::format("{}: {}, was {}", key, value, old->second));
  }
  for (const auto& [key, value] : then)
    if (!now.contains(key)) changed.push_back(fmt::format("{}: gone, was {}", key, value));
  return changed;
}

fs::path checkpoint_folder(const Deck& deck, const RunFolder& folder) {
  return deck.has("run.checkpoint_folder") ? fs::path(deck.text("run.checkpoint_folder"))
                                           : folder.checkpoint_folder();
}

Opened open_run(const Communicator& world, const RunArguments& arguments) {
  if (arguments.resume.empty()) {
    Deck deck = read_deck(world, arguments);
    RunFolder folder = RunFolder::open(world, deck.text("run.output"), deck.flag("run.overwrite"),
                                       deck.source().text, deck.resolved_toml());
    return {std::move(deck), std::move(folder)};
  }
  GoOn go_on = deck_to_go_on_by(world, arguments);
  RunFolder folder = RunFolder::reopen(world, arguments.resume);
  if (folder.resolved_deck_text() != go_on.own || !go_on.deck) {
    folder.give_back_status();
    throw AgreedError(ExitCode::exists, "{}: another run took its place a moment ago",
                      folder.path().string());
  }
  return {std::move(*go_on.deck), std::move(folder)};
}

Kept open_checkpoint(const Communicator& world, const RunArguments& arguments, const Deck& deck,
                     const RunFolder& folder) {
  Kept kept;
  if (!arguments.resume.empty()) kept.resumes = 1;
  const fs::path at = checkpoint_folder(deck, folder);
  const std::string identity = run_identity(deck);
  if (!wanted(deck)) {
    if (!arguments.resume.empty() && Checkpoint::identity_text(world, at))
      kept.lost =
          fmt::format("{}: not used, run.checkpoint is \"off\": the run begins anew", at.string());
    return kept;
  }
  if (arguments.resume.empty()) {
    kept.checkpoint = Checkpoint::begin(folder, at, identity, deck.flag("run.overwrite"));
  } else {
    if (const auto before = Checkpoint::identity_text(world, at))
      refuse_changes(world, folder.path(), identity, *before);
    else if (const RunStatus& found = folder.status_found();
             found.state == "checkpointed" || found.points_done > 0)
      kept.lost =
          fmt::format("{}: holds no checkpoint of this run any more: it begins anew", at.string());
    kept.checkpoint = Checkpoint::reopen(folder, at, identity);
    std::optional<Record> state;
    world.agree([&] { state = kept.checkpoint.find(run_record); });
    if (state) {
      kept.resumes = state->one<std::int64_t>("resumes") + 1;
      const std::string& deck_then = state->one<std::string>("deck");
      if (deck_then != folder.deck_text())
        refuse_changes(world, folder.path(), identity_of_given(folder.deck_text()),
                       identity_of_given(deck_then));
    }
  }
  world.agree_on_root([&] { kept.checkpoint.keep(run_record, run_state(folder, kept.resumes)); });
  return kept;
}

}  // namespace fathom

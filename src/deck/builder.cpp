#include "deck/builder.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace fathom::deck {

namespace {

/// File name without folder and suffix; "deck" where that leaves nothing printable.
std::string stem_of(const std::string& path) {
  std::string stem = std::filesystem::path(path).stem().string();
  if (stem.empty() || stem == "." || stem == ".." || stem == "-") return "deck";
  return printable(stem, 200);
}

Place end_of(std::string_view text) {
  const auto breaks = std::count(text.begin(), text.end(), '\n');
  const bool open = !text.empty() && text.back() != '\n';
  return Place{static_cast<int>(breaks) + (open ? 2 : 1), 1, 1, {}};
}

/// What the parser's words most often mean in a deck.
std::vector<std::string> syntax_hints(std::string_view message) {
  const std::pair<std::string_view, std::string> meanings[] = {
      {"unescaped control characters", "is a closing quote missing on this line?"},
      {"could not determine value type", "strings need quotes: \"relu\""},
      {"cannot redefine", "it is there already, further up"},
      {"expected '='", "a deck is TOML: key = value"},
      {"saw '{'", "a deck is TOML, not JSON: key = value"},
      {"invalid utf-8", "save the deck as UTF-8 text"},
      {"encountered end-of-file", "is a closing bracket or quote missing?"},
  };
  for (const auto& [part, hint] : meanings)
    if (message.find(part) != message.npos) return {hint};
  return {};
}

/// The same fault at several points: the first of them, and how often.
struct Tally {
  Issue issue;
  std::int64_t times = 0;
  std::string first_point;
};

}  // namespace

Builder::Builder(Source source, std::span<const std::string> overrides) {
  stem_ = stem_of(source.path);
  origin_ = std::make_shared<const Deck::Origin>(
      Deck::Origin{std::move(source), {overrides.begin(), overrides.end()}});
}

Deck Builder::build() {
  const auto reading = read_toml(origin_->source.text);
  if (reading.fault) {
    faults_.add({reading.fault->place, "this is not TOML: " + reading.fault->message,
                 syntax_hints(reading.fault->message)});
    throw_if_faulty();
  }
  Assigner assigner(faults_);
  assigner.set_end(end_of(origin_->source.text));
  assigner.deck(reading);
  assigner.overrides(origin_->overrides);
  assigner.finish();
  const std::int64_t count = count_points(assigner);
  auto decks = resolve_points(assigner, std::max<std::int64_t>(count, 1));
  throw_if_faulty();
  if (assigner.swept().empty()) return decks.front();
  Deck deck = decks.front();
  auto points = std::make_shared<std::vector<SweepPoint>>();
  for (const auto& axis : assigner.swept()) {
    deck.axes_.push_back({axis.key, {}});
    for (const auto& given : axis.values)
      deck.axes_.back().values.push_back(*given.value);
  }
  for (auto& point : decks) {
    SweepPoint at{{}, std::move(point)};
    for (const auto& axis : assigner.swept()) {
      const auto path = all_keys()[axis.key].path;
      at.set.emplace_back(path, to_plain(at.deck.value(path)));
    }
    points->push_back(std::move(at));
  }
  deck.points_ = std::move(points);
  return deck;
}

std::int64_t Builder::count_points(const Assigner& assigner) {
  std::int64_t count = 1;
  for (const auto& axis : assigner.swept()) {
    count *= static_cast<std::int64_t>(axis.values.size());
    if (count <= most_points) continue;
    faults_.add({axis.place,
                 fmt::format("the sweep has more than {} points", most_points),
                 {"the number of points is the product of the lengths of all lists"}});
    return 0;
  }
  return count;
}

GivenKeys Builder::at_point(const Assigner& assigner, std::int64_t point) const {
  GivenKeys given = assigner.given();
  for (auto axis = assigner.swept().rbegin(); axis != assigner.swept().rend(); ++axis) {
    const auto length = static_cast<std::int64_t>(axis->values.size());
    given[axis->key] = axis->values[static_cast<std::size_t>(point % length)];
    point /= length;
  }
  return given;
}

std::string Builder::label(const Assigner& assigner, const GivenKeys& given) const {
  std::string out;
  for (const auto& axis : assigner.swept())
    out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", all_keys()[axis.key].path,
                       to_toml(*given[axis.key]->value));
  return out;
}

std::vector<Deck> Builder::resolve_points(const Assigner& assigner, std::int64_t count) {
  std::vector<Deck> decks;
  std::vector<Tally> tallies;
  for (std::int64_t point = 0; point < count; ++point) {
    const GivenKeys given = at_point(assigner, point);
    Resolver resolver(given, assigner.landmarks(), stem_);
    resolver.run();
    for (const auto& issue : resolver.issues()) {
      const auto same = [&](const Tally& t) {
        return t.issue.tag == issue.tag && t.issue.fault.place == issue.fault.place;
      };
      auto tally = std::find_if(tallies.begin(), tallies.end(), same);
      if (tally == tallies.end())
        tally = tallies.insert(tallies.end(), {issue, 0, label(assigner, given)});
      ++tally->times;
    }
    decks.push_back(resolved(resolver));
  }
  for (auto& [issue, times, first_point] : tallies) {
    // A key that belongs at some points of a sweep is left out at the others.
    if (issue.stranger && times < count) continue;
    if (times < count)
      issue.fault.hints.push_back(times == 1 ? "at the sweep point " + first_point
                                             : fmt::format("at {} of {} sweep points, first {}",
                                                           times, count, first_point));
    faults_.add(issue.fault);
  }
  return decks;
}

Deck Builder::resolved(const Resolver& resolver) const {
  Deck deck;
  deck.origin_ = origin_;
  for (const auto& setting : resolver.resolved())
    deck.settings_.push_back(
        setting ? std::optional(Deck::Setting{setting->value, setting->is_default}) : std::nullopt);
  return deck;
}

void Builder::throw_if_faulty() const {
  if (faults_.empty()) return;
  throw Error(ExitCode::deck,
              render(faults_, origin_->source.path, origin_->source.text, origin_->overrides));
}

}  // namespace fathom::deck

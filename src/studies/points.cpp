#include "studies/context.hpp"
#include "studies/kept_results.hpp"
#include "studies/kept_solve.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

namespace fathom {
namespace {

/// How legends write a key: "kernel.degree" = 2 → "p = 2"; empty: the value alone.
const std::map<std::string, std::string>& short_names() {
  static const std::map<std::string, std::string> names = {{"kernel.degree", "p = "},
                                                           {"kernel.features", "d = "},
                                                           {"data.alpha", "α = "},
                                                           {"data.dim", "v = "},
                                                           {"data.n", "n = "},
                                                           {"run.seed", "seed "},
                                                           {"kernel.depth", "depth "},
                                                           {"kernel.width", "width "},
                                                           {"training.optimiser", ""},
                                                           {"kernel.parametrisation", ""},
                                                           {"kernel.activation", ""},
                                                           {"kernel.type", ""},
                                                           {"solver.block", "block "},
                                                           {"solver.backend", ""},
                                                           {"kernel.weight_variance", "σ_w² = "},
                                                           {"kernel.bias_variance", "σ_b² = "}};
  return names;
}

std::string bare(const std::string& value) {
  const bool quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
                      value.back() == value.front();
  return quoted ? value.substr(1, value.size() - 2) : value;
}

std::string label_of(const std::vector<std::pair<std::string, std::string>>& set) {
  std::string label;
  for (const auto& [key, value] : set) {
    const auto it = short_names().find(key);
    if (!label.empty()) label += ", ";
    label += (it == short_names().end() ? key + " = " : it->second) + bare(value);
  }
  return label;
}

bool parse_number(const std::string& text, double& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string point_key(const StudyPoint& point) {
  return fmt::format("point-{:04}", point.index + 1);
}

std::vector<StudyPoint> study_points(const Deck& deck) {
  std::vector<StudyPoint> points;
  for (auto& point : deck.sweep())
    points.push_back({points.size(), fmt::format("sweep/{:04}", points.size() + 1),
                      label_of(point.set), point.set, point.deck});
  if (points.empty()) points.push_back({0, "", "", {}, deck});
  return points;
}

void write_points(RunFile& file, const std::vector<StudyPoint>& points) {
  if (points.size() == 1 && points.front().group.empty()) return;
  const RunGroup table = file.group("sweep/points");
  table.counting_scale("point", static_cast<std::int64_t>(points.size()));
  std::vector<std::string> labels;
  for (const StudyPoint& point : points) {
    labels.push_back(point.label);
    const RunGroup group = file.group(point.group);
    group.attribute("label", point.label);
    for (const auto& [key, value] : point.set) {
      double number = 0;
      group.attribute(
          key, parse_number(value, number) ? AttributeValue(number) : AttributeValue(bare(value)));
    }
  }
  table.variable("label", std::span<const std::string>(labels), {"point"});
  for (std::size_t k = 0; k < points.front().set.size(); ++k) {
    std::vector<double> numbers(points.size());
    std::vector<std::string> texts;
    bool numeric = true;
    for (std::size_t i = 0; i < points.size(); ++i) {
      texts.push_back(bare(points[i].set[k].second));
      numeric = parse_number(texts.back(), numbers[i]) && numeric;
    }
    const std::string& key = points.front().set[k].first;
    if (numeric)
      table.variable(key, std::span<const double>(numbers), {"point"});
    else
      table.variable(key, std::span<const std::string>(texts), {"point"});
  }
}

void safe_point(const StudyContext& context, const Foreseen& next) {
  if (context.stop.ends_here(context.world, next.seconds, next.what)) context.stop.end();
}

namespace {

constexpr const char* done_ending = ".done";

/// What an earlier run kept of a point, if it was done.
std::optional<Record> done_before(const StudyContext& context, const StudyPoint& point) {
  std::optional<Record> record;
  context.world.agree([&] { record = context.checkpoint.find(point_key(point) + done_ending); });
  return record;
}

void keep_done(const StudyContext& context, const StudyPoint& point, const StudyOutcome& outcome,
               const PointMemory& memory) {
  const Record journal = context.file.take_journal();
  const bool vectors =
      point.deck.has("run.store_eigenvectors") && point.deck.flag("run.store_eigenvectors");
  context.world.agree_on_root([&] {
    Record record;
    add_part(record, "file", journal);
    add_part(record, "outcome", to_record(outcome));
    if (memory.take) add_part(record, "study", memory.take());
    context.checkpoint.keep(point_key(point) + done_ending, record);
    // What the point kept on its way is not needed any more; what it wrote may refer to matrices.
    for (const std::string& key : context.checkpoint.keys(point_key(point) + "."))
      if (!key.ends_with(done_ending) && !(vectors && key == spectrum_key(point)))
        context.checkpoint.drop(key);
  });
}

}  // namespace

StudyOutcome run_every_point(
    const StudyContext& context,
    const std::function<void(const StudyContext&, const StudyPoint&, StudyOutcome&)>& run_point,
    const PointMemory& memory) {
  StudyOutcome outcome;
  const std::vector<StudyPoint> points = study_points(context.deck);
  const bool kept = points.size() > 1 && context.checkpoint.on();
  write_points(context.file, points);
  if (kept) context.file.keep_journal();
  for (const StudyPoint& point : points) {
    safe_point(context);
    const std::optional<Record> before = kept ? done_before(context, point) : std::nullopt;
    if (before) {
      context.file.replay(part_of(*before, "file"), context.checkpoint);
      context.world.agree([&] {
        outcome = outcome_from(part_of(*before, "outcome"));
        if (memory.give) memory.give(part_of(*before, "study"));
      });
    } else {
      run_point(context, point, outcome);
      if (kept) keep_done(context, point, outcome, memory);
    }
    context.point_done(static_cast<std::int64_t>(point.index) + 1, std::ssize(points));
  }
  return outcome;
}

}  // namespace fathom

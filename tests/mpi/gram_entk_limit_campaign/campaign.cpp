// The distance of the finite tangent kernel from its limit over five widths and ten seeds: its
// slope against width is −0.5 ± 0.1. A line of CSV a case and width.
//
//   test_gram_entk_limit_campaign FILE [SEEDS]    FILE "-" for none; ten seeds if not stated
//   test_gram_entk_limit_campaign - 10 planted    a limit whose weights vary by a tenth more: every
//                                                 slope must be seen to be flatter

#include "comm/session.hpp"
#include "width_limit.hpp"

#include <cstdio>
#include <string>
#include <vector>

using namespace fathom;
using namespace fathom::test;

namespace {

constexpr double band = 0.1;
const std::vector<std::int64_t> widths = {64, 128, 256, 512, 1024};

std::vector<LimitCase> cases() {
  std::vector<LimitCase> all;
  for (const ActivationKind activation : {ActivationKind::relu, ActivationKind::erf})
    for (const int depth : {2, 3})
      for (const double bias_variance : {0.0, 0.1})
        for (const std::int64_t outputs : {1, 3})
          all.push_back({activation, depth, bias_variance, outputs});
  return all;
}

void write(std::FILE* csv, const LimitCase& c, int seeds,
           const std::vector<WidthDistance>& distance, const Slope& slope) {
  for (const WidthDistance& d : distance)
    std::fprintf(csv, "%s,%d,%g,%lld,%lld,%d,%.6g,%.2g,%.4f,%.4f\n",
                 std::string(name(c.activation)).c_str(), c.depth, c.bias_variance,
                 static_cast<long long>(c.outputs), static_cast<long long>(d.width), seeds, d.mean,
                 d.standard_error, slope.value, slope.standard_error);
}

int run(const Communicator& world, const std::string& file, int seeds, bool planted) {
  std::FILE* csv = world.root() && file != "-" ? std::fopen(file.c_str(), "w") : nullptr;
  if (csv)
    std::fprintf(csv,
                 "activation,hidden_layers,bias_variance,outputs,width,seeds,mean_distance,"
                 "standard_error,slope,slope_standard_error\n");
  if (world.max(world.root() && file != "-" && !csv ? 1.0 : 0.0) > 0) {
    if (world.root()) std::fprintf(stderr, "%s cannot be written\n", file.c_str());
    return static_cast<int>(ExitCode::io);
  }
  const LimitPoints points(world, 60, 8);
  int failed = 0, flatter = 0, total = 0;
  for (const LimitCase& c : cases()) {
    MlpKernelOptions kernel = c.limit();
    if (planted) kernel.weight_variance *= 1.1;
    const DistMatrix limit = points.limit(kernel);
    const std::vector<WidthDistance> distance = distances(points, c, limit, widths, seeds);
    const Slope slope = slope_of(distance);
    const bool right = falls_like_root_of_width(slope, band);
    failed += !right;
    flatter += slope.value > band - 0.5;
    ++total;
    if (!world.root()) continue;
    if (csv) write(csv, c, seeds, distance, slope);
    std::printf("%-52s distance %.4f at width %lld, %.4f at %lld, slope %.3f +- %.3f: %s\n",
                c.text().c_str(), distance.front().mean,
                static_cast<long long>(distance.front().width), distance.back().mean,
                static_cast<long long>(distance.back().width), slope.value, slope.standard_error,
                right ? "PASS" : "FAIL");
    std::fflush(stdout);
  }
  if (csv) std::fclose(csv);
  if (world.root()) std::printf("%d of %d cases outside -0.5 +- %g\n", failed, total, band);
  if (planted) return flatter == total ? 0 : 1;
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  MpiSession session(&argc, &argv);
  const std::string file = argc > 1 ? argv[1] : "-";
  const int seeds = argc > 2 ? std::stoi(argv[2]) : 10;
  const bool planted = argc > 3 && std::string(argv[3]) == "planted";
  const int failed = run(session.world(), file, seeds, planted);
  session.finish();
  return failed;
}

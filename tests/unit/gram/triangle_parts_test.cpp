// Parts of a triangle and the steps of a layout, element by element.

#include "gram/triangle_parts.hpp"

#include <set>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using Elements = std::set<std::pair<std::int64_t, std::int64_t>>;

void add(Elements& all, const TrianglePart& part) {
  for (std::int64_t i = part.rows.first; i < part.rows.end; ++i)
    for (std::int64_t j = part.cols.first; j < part.cols.end; ++j)
      if (i >= j) all.emplace(i, j);
}

Elements elements(const std::vector<TrianglePart>& parts) {
  Elements all;
  for (const TrianglePart& part : parts)
    add(all, part);
  return all;
}

/// Of the part, what a step does on all processes.
Elements step(const Distribution& d, const PartSteps& steps, const StripOrder& order,
              std::int64_t s) {
  Elements all;
  const std::int64_t o = s / steps.inner_strips(), i = s % steps.inner_strips();
  for (int p = 0; p < d.rows.procs(); ++p)
    for (int q = 0; q < d.cols.procs(); ++q) {
      const IndexRange rows = order.rows_outer ? steps.outer(o, p) : steps.inner(i, p);
      const IndexRange cols = order.rows_outer ? steps.inner(i, q) : steps.outer(o, q);
      for (std::int64_t r = rows.first; r < rows.end; ++r)
        for (std::int64_t c = cols.first; c < cols.end; ++c) {
          const std::int64_t row = d.rows.global(LocalIndex(r), p).value();
          const std::int64_t col = d.cols.global(LocalIndex(c), q).value();
          if (row >= col) all.emplace(row, col);
        }
    }
  return all;
}

TEST(TriangleParts, elements_are_those_on_and_below_the_diagonal) {
  EXPECT_EQ(whole_triangle(5).elements(), 15);
  // Rows 2, 3 against columns 1, 2, 3: 2 + 3.
  EXPECT_EQ((TrianglePart{{2, 4}, {1, 4}}).elements(), 5);
  EXPECT_EQ((TrianglePart{{0, 4}, {1, 4}}).trimmed(), (TrianglePart{{1, 4}, {1, 4}}));
  EXPECT_EQ((TrianglePart{{0, 2}, {2, 4}}).elements(), 0);
  EXPECT_EQ((TrianglePart{{0, 2}, {2, 4}}).trimmed(), TrianglePart{});
  for (std::int64_t a = 0; a < 6; ++a)
    for (std::int64_t b = a; b < 7; ++b)
      for (std::int64_t c = 0; c < 6; ++c)
        for (std::int64_t d = c; d < 7; ++d) {
          const TrianglePart part{{a, b}, {c, d}};
          EXPECT_EQ(part.elements(), std::ssize(elements({part})));
          EXPECT_EQ(elements({part.trimmed()}), elements({part}));
        }
}

TEST(TriangleParts, steps_and_what_they_leave_are_the_part) {
  for (const TrianglePart& part :
       {whole_triangle(23), TrianglePart{{7, 23}, {0, 12}}, TrianglePart{{4, 19}, {4, 19}}})
    for (const auto& [nprow, npcol] : {std::pair{1, 1}, {1, 3}, {3, 1}, {2, 2}, {2, 5}})
      for (const std::int64_t block : {1, 2, 5})
        for (const StripOrder& order : {StripOrder{true, 3, 2}, {false, 23, 4}, {true, 4, 23}}) {
          const Distribution d{CyclicAxis(23, block, nprow), CyclicAxis(23, block, npcol)};
          const PartSteps steps(d, part, order);
          Elements done;
          for (std::int64_t s = 0; s <= steps.steps(); ++s) {
            const std::vector<TrianglePart> parts = steps.left_after(s);
            EXPECT_LE(parts.size(), 2u);
            const Elements left = elements(parts);
            std::int64_t sum = 0;
            for (const TrianglePart& p : parts)
              sum += p.elements();
            EXPECT_EQ(sum, std::ssize(left));  // no element in two parts
            Elements both = left;
            both.insert(done.begin(), done.end());
            EXPECT_EQ(both, elements({part}))
                << fmt::format("{}x{}, block {}, step {}", nprow, npcol, block, s);
            if (s == 0) {
              EXPECT_EQ(left, elements({part}));
            }
            if (s == steps.steps()) break;
            const Elements now = step(d, steps, order, s);
            EXPECT_TRUE(now.empty() ||
                        steps.needed(s / steps.inner_strips(), s % steps.inner_strips()));
            for (const auto& element : now)
              EXPECT_TRUE(done.insert(element).second);
          }
          EXPECT_EQ(done, elements({part}));
          EXPECT_TRUE(steps.left_after(steps.steps()).empty());
        }
}

TEST(TriangleParts, on_one_process_nothing_is_left_that_is_done) {
  const Distribution d{CyclicAxis(23, 4, 1), CyclicAxis(23, 4, 1)};
  const StripOrder order{true, 5, 3};
  const PartSteps steps(d, whole_triangle(23), order);
  std::int64_t done = 0;
  for (std::int64_t s = 0; s < steps.steps(); ++s) {
    const TriangleProgress progress{{whole_triangle(23)}, s};
    EXPECT_EQ(progress.done(d, order), done);
    done += std::ssize(step(d, steps, order, s));
  }
}

TEST(TriangleParts, progress_as_numbers_comes_back) {
  const TriangleProgress progress{{{{3, 9}, {0, 4}}, {{9, 12}, {0, 12}}}, 5};
  const std::vector<std::int64_t> numbers = progress.numbers();
  const auto again = TriangleProgress::from(numbers, 12);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->left, progress.left);
  EXPECT_EQ(again->steps, 5);
  EXPECT_FALSE(TriangleProgress::from(numbers, 11));
  EXPECT_FALSE(TriangleProgress::from(std::span(numbers).first(8), 12));
  EXPECT_FALSE(TriangleProgress::from({}, 12));
  EXPECT_TRUE(TriangleProgress::from(std::vector<std::int64_t>{0}, 12)->left.empty());
}

}  // namespace
}  // namespace fathom
